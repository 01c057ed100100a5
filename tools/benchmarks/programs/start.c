/* Runs before the library's start-up: the watchdog is held, FRAM gets a wait state, and Timer_A0 counts SMCLK from then
 * on. GDB's simulator takes the stores for stores. Addresses: SLASE54D, tables 6-52 to 6-70.
 */
__attribute__((naked, used, section(".crt_0000init"))) void start_peripherals(void);

void start_peripherals(void)
{
    __asm__("mov.w #0x5A80, &0x15C\n\t" /* WDTCTL: held */
            "mov.w #0xA510, &0x140\n\t" /* FRCTL0: one wait state */
            "mov.w #0x0224, &0x340");   /* TA0CTL: SMCLK, continuous, cleared */
}

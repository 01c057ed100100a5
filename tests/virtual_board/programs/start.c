/* Runs before the library's start-up, which would take longer than the watchdog allows. */

__attribute__((naked, used, section(".crt_0000init"))) void hold_watchdog(void);

void hold_watchdog(void)
{
    __asm__("mov.w #0x5A80, &0x15C");
}

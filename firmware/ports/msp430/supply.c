/* ADC12_B converts half of AVCC, its channel 31, against REF_A's 2.0 V; both are off again afterwards. Nearly all of
 * the time, 40 us (at most 80), is the reference's, which settles first; sampling and conversion take 6.5 us.
 * Registers, bits and times as in SLAU367 and SLASE54D, recalled. No board file is needed: the module has an oscillator
 * of its own.
 */
#include "supply.h"

#define WORD_AT(address) (*(volatile uint16_t *)(address))

#define REFCTL0 WORD_AT(0x01B0)
#define REFON 0x0001U
#define REFVSEL_2V0 0x0010U
#define REFGENRDY 0x1000U

#define ADC12CTL0 WORD_AT(0x0800)
#define ADC12CTL1 WORD_AT(0x0802)
#define ADC12CTL2 WORD_AT(0x0804)
#define ADC12CTL3 WORD_AT(0x0806)
#define ADC12IFGR0 WORD_AT(0x080C)
#define ADC12MCTL0 WORD_AT(0x0820)
#define ADC12MEM0 WORD_AT(0x0860)
#define ADC12SC 0x0001U
#define ADC12ENC 0x0002U
#define ADC12ON 0x0010U
#define ADC12SHT0_16 0x0200U /* 3.3 us; half of AVCC wants 1.7 us */
#define ADC12SHP 0x0200U
#define ADC12RES_12BIT 0x0020U
#define ADC12BATMAP 0x0040U
#define ADC12VRSEL_1 0x0100U
#define ADC12INCH_31 0x001FU
#define ADC12IFG0 0x0001U

uint16_t port_supply(void)
{
    uint16_t code;

    REFCTL0 = REFVSEL_2V0 | REFON;
    ADC12CTL0 = ADC12SHT0_16 | ADC12ON;
    ADC12CTL1 = ADC12SHP;
    ADC12CTL2 = ADC12RES_12BIT;
    ADC12CTL3 = ADC12BATMAP;
    ADC12MCTL0 = ADC12VRSEL_1 | ADC12INCH_31;
    while ((REFCTL0 & REFGENRDY) == 0U) {
    }
    ADC12CTL0 |= ADC12ENC | ADC12SC;
    while ((ADC12IFGR0 & ADC12IFG0) == 0U) {
    }
    code = ADC12MEM0;
    ADC12CTL0 &= (uint16_t)~ADC12ENC;
    ADC12CTL0 = 0U;
    ADC12CTL3 = 0U;
    REFCTL0 = 0U;
    return code;
}

/* One inference; the phase tells a watcher when it begins and ends. */
#include "plain.h"

__attribute__((section(".persistent"))) volatile uint16_t plain_phase = 0U;

int main(void)
{
    plain_phase = 1U;
    plain_network();
    plain_phase = 2U;
    return 0;
}

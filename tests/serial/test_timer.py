"""The firmware's timer against a count of more cycles than 32 bits hold, compiled for this computer."""

import subprocess
from pathlib import Path

PORT = Path(__file__).parents[2] / "firmware/ports/msp430"

HEADERS = {
    "device.h": "void scramble_and_reset(void);\n",
    "port.h": "#define DIAG\n",
    "runtime.h": "#include <stdint.h>\ntypedef struct { uint16_t cursor; } progress_t;\n"
    "extern progress_t model_progress;\n",
    "registers.h": """#include <stdint.h>
#define BOARD_CLOCK_HZ 16000000UL
extern volatile uint16_t TACTL, TAR, TACCTL1, TACCR1;
enum { CCIE = 0x10, CCIFG = 1, TAIFG = 1, TAIE = 2, TACLR = 4, TASSEL_SMCLK = 0x200, MC_CONTINUOUS = 0x20 };
""",
}
MAIN = """#include <stdio.h>
#include "timer.h"
#include "registers.h"
#include "runtime.h"
#include "device.h"
volatile uint16_t TACTL, TAR, TACCTL1, TACCR1;
progress_t model_progress;
void timer_interrupt(void);
void scramble_and_reset(void) {}
int main(void)
{
    uint32_t run, overflow;
    for (run = 0; run < 100; run++) {
        timer_start();
        for (overflow = 0; overflow < 1000; overflow++) {
            TACTL |= TAIFG;
            timer_interrupt();
        }
        TAR = 7;
        timer_stop();
    }
    printf("%lu\\n", (unsigned long)timer_microseconds());
    return 0;
}
"""


def test_microseconds_go_on_behind_the_cycles_that_32_bits_hold(tmp_path):
    for name, text in HEADERS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "main.c").write_text(MAIN)
    source = (PORT / "timer.c").read_text()
    (tmp_path / "timer.c").write_text(source.replace("__attribute__((interrupt)) ", ""))
    command = ["cc", "-std=c99", f"-I{tmp_path}", f"-I{PORT.parents[1] / 'serial'}", "-o", str(tmp_path / "test")]
    subprocess.run([*command, str(tmp_path / "main.c"), str(tmp_path / "timer.c")], check=True)
    counted = int(subprocess.run([tmp_path / "test"], capture_output=True, check=True).stdout)
    cycles = 100 * (1000 * 0x10000 + 7)
    assert cycles > 1 << 32
    assert counted == cycles // 16

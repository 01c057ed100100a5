/* The model behind a serial line: it is loaded, run and read by the commands of the MLPerf Tiny benchmark, or by
 * sparsecomp's own requests (serial/). Power may fail at any time.
 */
#include "boots.h"
#include "device.h"
#include "serial.h"

int main(void)
{
    device_start();
    boots_count_this();
    serial_serve();
    return 0;
}

#include <math.h>
#include <stdio.h>

int main(void)
{
    float f = 0.1f;
    double d = 1.0;
    for (int i = 1; i < 12; i++) {
        f = f * 1.7f + 1.0f / (float)i;
        d = d / 3.0 + (double)f * 0.25 - (double)i;
        printf("%ld %ld %d\n", (long)(f * 1000.0f), (long)(d * 1e6), (int)(sqrt((double)f) * 100.0));
    }
    return f > 1.0f ? 5 : 6;
}

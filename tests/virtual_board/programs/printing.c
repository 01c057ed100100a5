#include <stdio.h>

int main(void)
{
    for (int i = -3; i < 12; i++) {
        printf("%d %5d %-6x %o %c %s|", i, i * 1237, (unsigned)i * 40503U, (unsigned)i & 63U, 'a' + i,
               &"abcdefghijklmno"[i + 3]);
        printf("%ld %lx %lu\n", (long)i * 123456789L, (unsigned long)i * 2654435761UL, (unsigned long)i);
    }
    return 7;
}

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
    int32_t key;
    char name[6];
};

static struct item items[120];

static int by_key(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key ? 1 : strcmp(x->name, y->name);
}

int main(void)
{
    uint32_t state = 12345;
    for (int i = 0; i < 120; i++) {
        state = state * 1664525U + 1013904223U;
        items[i].key = (int32_t)(state >> 3) % 1000;
        for (int k = 0; k < 5; k++)
            items[i].name[k] = (char)('a' + (state >> (k * 5)) % 26U);
    }
    qsort(items, 120, sizeof items[0], by_key);
    for (int i = 0; i < 120; i += 7)
        printf("%ld %s\n", (long)items[i].key, items[i].name);
    return 0;
}

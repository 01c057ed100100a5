#include <ctype.h>
#include <unistd.h>

int main(void)
{
    char text[64];
    int size = (int)read(0, text, sizeof text);
    for (int i = 0; i < size; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    (void)write(1, text, (size_t)size);
    return size;
}

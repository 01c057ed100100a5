#include "semihost.h"

#include "memory.h"

#define CALLS 0x180u

enum { EXIT = 1, READ = 4, WRITE = 5 };

bool semihost(struct machine *m, uint32_t target)
{
    if ((target & ~0x3Fu) != CALLS)
        return false;
    uint32_t at = m->r[13], size = m->r[14] & 0xFFFFu, done = 0;
    switch (target & 0x3Fu) {
    case EXIT:
        m->exit_code = (int16_t)m->r[12];
        stop(m, "exit", "");
        break;
    case READ:
        for (int c; done < size && (c = getchar()) != EOF; done++)
            write_byte(m, at + done, (uint8_t)c);
        break;
    case WRITE:
        for (; done < size; done++)
            (void)fputc(m->memory[(at + done) & TOP], m->output);
        break;
    default:
        done = 0xFFFFu;
        break;
    }
    m->r[12] = done;
    return true;
}

/* A length, a command, eight bytes of parameters (file, length) and the data. */
void run_request(struct machine *m, const struct insn *d)
{
    enum { COMMAND = 2, LENGTH = 5, DATA = 11, CIO_WRITE = 0xF3 };
    const uint8_t *buffer = m->memory + (m->io_buffer & TOP);
    if (m->io_buffer < SPACE - 0x10000u && buffer[COMMAND] == CIO_WRITE) {
        unsigned size = (unsigned)(buffer[LENGTH] | buffer[LENGTH + 1] << 8);
        (void)fwrite(buffer + DATA, 1, size, m->output);
    }
    d->once(m, d);
}

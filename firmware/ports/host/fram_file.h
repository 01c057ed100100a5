/* The FRAM image as a file: one page of header, then the persistent pages, then the diagnostic ones. */
#ifndef FRAM_FILE_H
#define FRAM_FILE_H

/* First boot: writes the file from the initial image, aside and renamed, so that a killed first boot leaves none.
 * Every boot: maps it, and reports faults as fram.h says. Exits with a message where the file belongs to another model.
 */
void fram_file_open(const char *path);

#endif

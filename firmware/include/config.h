/* What kind of model this build is for. The generated project has a config.h of its own; this one means int16. */
#ifndef CONFIG_H
#define CONFIG_H
#endif

/* Numbers in objects that plugins have pointers to. They check each pointer that comes back. */
#pragma once

#include <stdint.h>

/* The object is about to be freed. The compiler must not leave the store out. */
static inline void
magic_clear(uint32_t *magic)
{
    *(volatile uint32_t *)magic = 0;
}

/* The line that reports, after a start, that goevd serves and where. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

#define ANNOUNCE_TEXT_MAX 1024 /* bytes, with the NUL */

struct announce_listener {
    const struct address *address; /* bound: the port is known */
    const char *plugin;
    bool http; /* a browser can open it, if it is TCP */
    bool tls;
};

/* Name up to three listeners, those with a URL first, and count the others. Returns buf. */
const char *announce_text(const struct announce_listener *listeners, size_t count, int pid,
                          char buf[ANNOUNCE_TEXT_MAX]);

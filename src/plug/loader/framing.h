/* Whether a stream handler has what its framing needs. */
#pragma once

#include <goevd/plugin.h>

#include "base/err.h"

/* 0; -ELIBBAD, and reterr says what is wrong in the plugin at `path` and what mends it. */
int framing_check(const struct goevd_stream *stream, const char *path, struct err *reterr);

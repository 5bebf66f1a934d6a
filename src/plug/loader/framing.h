/* Whether a stream handler has the parts that its framing needs. */
#pragma once

#include <goevd/plugin.h>

#include "base/err.h"

/* 0; -ELIBBAD, and reterr has the fault of the plugin at `path` and its remedy. */
int framing_check(const struct goevd_stream *stream, const char *path, struct err *reterr);

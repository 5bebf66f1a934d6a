#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PRINTF(3, 0)
static void
err_vset(struct err *reterr, int code, const char *format, va_list args, bool words)
{
    int n;

    if (!reterr || reterr->code)
        return;
    reterr->code = code;
    n = vsnprintf(reterr->text, sizeof(reterr->text), format, args);
    if (words && n >= 0 && (size_t)n < sizeof(reterr->text))
        snprintf(reterr->text + n, sizeof(reterr->text) - (size_t)n, ": %s", err_words(code));
}

int
err_set(struct err *reterr, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(reterr, code, format, args, false);
    va_end(args);
    return code;
}

int
err_set_errno(struct err *reterr, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    err_vset(reterr, code, format, args, true);
    va_end(args);
    return code;
}

const char *
err_words(int code)
{
    const char *words = strerrordesc_np(code < 0 ? -code : code);

    return words ? words : "unknown error";
}

const char *
err_advice(int code)
{
    switch (code < 0 ? -code : code) {
    case ENOSPC:
    case EDQUOT:
        return "free some space";
    case ENOENT:
    case ENOTDIR:
        return "make its folder";
    case EACCES:
    case EPERM:
    case EROFS:
        return "let goevd write there";
    default:
        return "look at that file";
    }
}

const char *
err_reason(const struct err *err, const char *key)
{
    size_t len = strlen(key);
    bool named = strncmp(err->text, key, len) == 0 && strncmp(err->text + len, ": ", 2) == 0;

    return named ? err->text + len + 2 : err->text;
}

/* Paths as routes see them: escapes decoded, empty and dot segments removed. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "http/message/verdict.h"

/* Decode a path that begins with "/". Escapes come first, then segments: "/a/%2e%2e/b" is "/b",
 * and "/%2e%2e" is refused like "/..". An encoded "/" separates segments, as a file system would
 * see it. "//" counts as "/".
 *
 * ret_path  room for len bytes; not NUL-terminated; may be the path itself.
 * Returns   the bytes written, at least 1; HTTP_BAD_PATH for a broken escape, an encoded NUL, or
 *           a way out of the root.
 */
ssize_t http_path_normalise(const char *path, size_t len, char *ret_path);

/* The same, and which bytes of the result were escaped: 1, else 0. ret_escaped has room for as many
 * bytes as ret_path, or is NULL. */
ssize_t http_path_normalise_noting(const char *path, size_t len, char *ret_path, char *ret_escaped);

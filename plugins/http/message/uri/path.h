/* Normalized paths, as routes match them: escapes decoded, empty and dot segments removed. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "http/message/verdict.h"

/* Decode a path that begins with "/". Escapes are decoded before segments are removed:
 * "/a/%2e%2e/b" becomes "/b", and "/%2e%2e" is refused like "/..". An encoded "/" separates
 * segments, because a file system would treat it so. "//" counts as "/".
 *
 * ret_path  Room for len bytes; not NUL-terminated; may be the path itself.
 * Returns   Bytes written, at least 1; HTTP_BAD_PATH for a malformed escape, an encoded NUL, or a
 *           path that leaves the root.
 */
ssize_t http_path_normalise(const char *path, size_t len, char *ret_path);

/* The same. ret_escaped, unless NULL, gets a 1 for each byte of the result that was escaped, else
 * 0; it has as much room as ret_path. */
ssize_t http_path_normalise_noting(const char *path, size_t len, char *ret_path, char *ret_escaped);

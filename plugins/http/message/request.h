/* The parsed head of a request, whatever its wire: method, target, fields, and their meaning for
 * the server. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/message/util.h"

/* Longest Host that is remembered, in bytes. */
#define HTTP_HOST_MEMO_MAX 63

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_PATCH,
    HTTP_OPTIONS,
    HTTP_TRACE,
    HTTP_CONNECT,
    HTTP_METHOD_COUNT,
    HTTP_METHOD_UNKNOWN = HTTP_METHOD_COUNT
};

extern const char *const http_method_names[HTTP_METHOD_COUNT];

/* The enum http_method of a name; HTTP_METHOD_UNKNOWN if it is not implemented. */
uint8_t http_method_find(const char *name, size_t len);

/* Headers that the server itself evaluates. */
enum http_known {
    HTTP_KNOWN_NONE,
    HTTP_KNOWN_HOST,
    HTTP_KNOWN_CONNECTION,
    HTTP_KNOWN_CONTENT_LENGTH,
    HTTP_KNOWN_TRANSFER_ENCODING,
    HTTP_KNOWN_EXPECT,
    HTTP_KNOWN_COUNT
};

struct http_field {
    const char *name;
    const char *value; /* without the white space around it */
    uint32_t value_len;
    uint32_t name_len : 24;
    uint32_t known : 8; /* enum http_known */
};

/* 0 is the common case: HTTP/1.1, a normalized path, no body, persistent connection. */
enum http_flags {
    HTTP_OLD = 1 << 0,          /* HTTP/1.0 */
    HTTP_TARGET_OTHER = 1 << 1, /* for http_target_check(): no path, a path to normalize, or a
                                 * method with rules of its own */
    HTTP_SERVER_WIDE = 1 << 2,  /* OPTIONS * */
    HTTP_CLOSE = 1 << 3,        /* close after the reply */
    HTTP_KEEP = 1 << 4,         /* an HTTP/1.0 client asked for keep-alive, which the reply has to
                                 * announce */
    HTTP_LENGTH = 1 << 5,       /* a body of content_length bytes, not 0 */
    HTTP_CHUNKED = 1 << 6,      /* a chunked body */
    HTTP_CONTINUE = 1 << 7,     /* the client waits for 100 (Continue) before its body */
    HTTP_OTHER_HOST = 1 << 8,   /* the Host differs from the remembered one */
    HTTP_INFORMED = 1 << 9,     /* the request needs the metadata of request_info.h */
    HTTP_TARGET_SECURED = 1 << 10, /* the target begins with https:// */
    HTTP_BODY = HTTP_LENGTH | HTTP_CHUNKED
};

/* A head, as spans of the bytes that were parsed. Zeroed before its first use, and reused. */
struct http_request {
    uint8_t method;     /* enum http_method */
    uint8_t method_len; /* bytes before the SP before the target; not set for GET */
    uint16_t flags;     /* enum http_flags */
    uint16_t seen;      /* bits 1 << enum http_known */
    uint16_t repeated;  /* headers seen more than once */
    uint32_t field_count;
    uint16_t at[HTTP_KNOWN_COUNT]; /* index of the last field of each kind seen */
    struct http_span target;       /* unchanged */
    struct http_span path;         /* target without query; normalized by http_target_check() */
    uint64_t content_length;       /* set by http_semantics_check(), with HTTP_LENGTH */
    uint8_t host_memo_len;         /* length of the remembered Host: the last valid one */
    char host_memo[HTTP_HOST_MEMO_MAX];
    struct http_field fields[]; /* room for http_limits.headers_max fields */
};

struct http_limits {
    uint32_t request_line_max; /* bytes of the request line without CR LF; 64 to 65000 */
    uint32_t header_bytes_max; /* bytes of all header lines with CR LF; below 16 MiB */
    uint32_t headers_max;      /* number of header lines; at most 65000 */
    uint16_t flags;            /* enum http_flags that are set for every request */
};

struct http_buffer;

/* Copy a request into `to`, together with the bytes that its spans point into, and its path if
 * http_target_check() has written it to `scratch`. NULL: out of memory. */
struct http_request *http_request_copy(struct http_buffer *to, const struct http_request *req,
                                       struct http_span head, const char *scratch);

#include "http/route/reply/replies.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/message/status.h"
#include "http/message/text/lines.h"
#include "http/route/match/methods.h"
#include "http/route/reply/respond.h"

void
http_replies_fini(struct http_replies *replies)
{
    for (size_t i = 0; i < replies->count; i++)
        free(replies->all[i].memory);
    free(replies->all);
    http_error_pages_fini(&replies->error_pages);
    http_header_edits_fini(&replies->always);
    *replies = (struct http_replies){0};
}

int
http_replies_push(struct http_replies *replies, struct http_reply reply)
{
    if (replies->count == HTTP_REPLIES_MAX) {
        free(reply.memory);
        return -E2BIG;
    }
    if (replies->count == replies->room) {
        size_t room = replies->room == 0 ? 64 : replies->room * 2;
        struct http_reply *all = reallocarray(replies->all, room, sizeof(*all));

        if (!all) {
            free(reply.memory);
            return -ENOMEM;
        }
        replies->all = all;
        replies->room = room;
    }
    reply.count_at = replies->count_at + (unsigned)reply.status / 100;
    replies->all[replies->count] = reply;
    return (int)replies->count++;
}

/* Set the content of an error reply: its error page, or its status in plain text followed by
 * `words`. */
static int
http_replies_write_content(struct http_buffer *to, const struct http_error_page *page, int status,
                           const char *words)
{
    char text[128];
    int len = page ? 0
                   : snprintf(text, sizeof(text), "%d %s%s%s\n", status, http_status_phrase(status),
                              words[0] == '\0' ? "" : ": ", words);

    assert(len < (int)sizeof(text));
    return http_buffer_append(to, text, (size_t)len);
}

/* Add an error reply of no route. `text` has its first header lines, and is taken over. */
static int
http_replies_push_error(struct http_replies *replies, int status, struct http_buffer text,
                        const char *words)
{
    static const struct http_span name = {"Content-Type", 12};
    static const struct http_span plain = {"text/plain; charset=utf-8", 25};
    const struct http_error_page *page = http_error_pages_find(&replies->error_pages, status);
    struct http_reply reply = {.status = status};
    int r = http_lines_add(&text, name, page ? page->type : plain);

    if (r == 0)
        r = http_header_edits_apply(&replies->always, &text);
    reply.fields.len = text.len;
    if (r == 0)
        r = http_replies_write_content(&text, page, status, words);
    if (r < 0) {
        free(text.data);
        return r;
    }
    reply.memory = text.data;
    reply.fields.data = text.data;
    reply.body =
        page ? page->body
             : (struct http_span){text.data + reply.fields.len, text.len - reply.fields.len};
    return http_replies_push(replies, reply);
}

static int
http_replies_push_verdicts(struct http_replies *replies)
{
    for (int v = HTTP_VERDICT_FIRST; v < HTTP_VERDICT_END; v++) {
        int r = http_replies_push_error(replies, http_verdict_status(v), (struct http_buffer){0},
                                        http_verdict_words(v));

        if (r < 0)
            return r;
    }
    return 0;
}

/* Add Allow, RFC 9110 section 10.2.1. 0 or -ENOMEM. */
static int
http_replies_allow(struct http_buffer *lines, uint16_t methods)
{
    char allow[HTTP_METHODS_ALLOW_MAX];
    size_t len = http_methods_allow(allow, methods);

    return http_lines_add(lines, (struct http_span){"Allow", 5}, (struct http_span){allow, len});
}

int
http_replies_refuse(void *arg, uint16_t methods)
{
    struct http_replies *replies = arg;
    struct http_buffer lines = {0};
    int r;

    if (replies->refusals[methods] != 0)
        return replies->refusals[methods];
    r = http_replies_allow(&lines, methods);
    if (r == 0)
        r = http_replies_push_error(replies, 405, lines, "");
    if (r >= 0)
        replies->refusals[methods] = (uint16_t)r;
    return r;
}

int
http_replies_edit(struct http_reply *reply, struct goevd_self *self, const char *at,
                  const struct http_header_edits *edits)
{
    struct http_buffer lines = {0};
    int r = http_buffer_append(&lines, reply->fields.data, reply->fields.len);

    if (r == 0)
        r = http_header_edits_apply(edits, &lines);
    if (r == 0 && lines.len > HTTP_RESPOND_FIELDS_MAX)
        r = goevd_refuse(self, at, "after all edits the headers have %zu bytes; the maximum is %d",
                         lines.len, HTTP_RESPOND_FIELDS_MAX);
    free(reply->memory);
    reply->memory = lines.data;
    reply->fields = (struct http_span){lines.data, lines.len};
    return r;
}

/* Add the reply to OPTIONS *, RFC 9110 section 9.3.7: the methods of the server as a whole. */
static int
http_replies_push_server_wide(struct http_replies *replies, uint16_t methods)
{
    struct http_buffer lines = {0};
    int r = http_replies_allow(&lines, methods);

    if (r == 0)
        r = http_header_edits_apply(&replies->always, &lines);
    if (r < 0) {
        free(lines.data);
        return r;
    }
    return http_replies_push(replies, (struct http_reply){.status = 200,
                                                          .fields = {lines.data, lines.len},
                                                          .memory = lines.data});
}

int
http_replies_set_always(struct http_replies *replies, struct goevd_self *self,
                        const struct http_options_headers *all,
                        const struct http_options_headers *host)
{
    int r;

    if (http_header_edits_any(&replies->always) || (host && host->always))
        memset(replies->refusals, 0, sizeof(replies->refusals));
    http_header_edits_fini(&replies->always);
    r = http_header_edits_add_always(&replies->always, all, host);
    return r == 0 ? http_header_edits_check_length(self, "headers", &replies->always) : r;
}

int
http_replies_push_absent(struct http_replies *replies)
{
    return http_replies_push_error(replies, 404, (struct http_buffer){0}, "");
}

int
http_replies_push_fixed(struct http_replies *replies, uint16_t methods)
{
    int r = http_replies_push_verdicts(replies);

    if (r >= 0)
        r = http_replies_push_absent(replies);
    if (r >= 0)
        r = http_replies_push_error(replies, 421, (struct http_buffer){0},
                                    "no host of that name is here");
    if (r >= 0)
        r = http_replies_push_server_wide(replies, methods);
    return r;
}

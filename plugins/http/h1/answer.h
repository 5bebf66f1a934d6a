/* Answers that need more than the bytes of a prerendered reply: the id of the request, or a refusal
 * that is counted and logged. */
#pragma once

#include "http/h1/batch.h"

/* http_h1_batch_reply() with the id of what it answers, if that has one. */
cold int http_h1_answer(struct http_h1_batch *b, unsigned reply, enum http_persist persist,
                        bool head_only, size_t request_len);

/* Answer with the reason, which is counted, and close; the peer may go on sending for a while.
 * Returns as http_h1_batch_reply() does. */
cold int http_h1_refuse(struct http_h1_batch *b, int verdict, bool head_only);

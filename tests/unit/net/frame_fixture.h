/* Framings for tests of connections. */
#pragma once

#include <goevd/framing.h>

#include "unit/net/net_fixture.h"

static const struct goevd_framing framing_lines = {.type = GOEVD_FRAMING_LINES};
static const struct goevd_framing framing_crlf = {.type = GOEVD_FRAMING_LINES,
                                                  .flags = GOEVD_FRAMING_CRLF};
static const struct goevd_framing framing_end = {.type = GOEVD_FRAMING_DELIMITER,
                                                 .delimiter = {"--end--", 7}};
static const struct goevd_framing framing_1 = {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 1};
static const struct goevd_framing framing_2 = {.type = GOEVD_FRAMING_LENGTH, .length_bytes = 2};
static const struct goevd_framing framing_4 = {
    .type = GOEVD_FRAMING_LENGTH, .length_bytes = 4, .flags = GOEVD_FRAMING_LITTLE};
static const struct goevd_framing framing_8 = {
    .type = GOEVD_FRAMING_LENGTH, .length_bytes = 8, .flags = GOEVD_FRAMING_INCLUSIVE};

/* Two frames and an empty one as each of them sends them. */
static const struct wire {
    const struct goevd_framing *framing;
    const char *bytes;
    size_t len;
} wires[] = {
    {&framing_lines, "one\n\nthree\n", 11},
    {&framing_crlf, "one\r\n\r\nthree\r\n", 14},
    {&framing_end, "one--end----end--three--end--", 29},
    {&framing_1, "\3one\0\5three", 11},
    {&framing_2, "\0\3one\0\0\0\5three", 14},
    {&framing_4, "\3\0\0\0one\0\0\0\0\5\0\0\0three", 20},
    {&framing_8, "\0\0\0\0\0\0\0\13one\0\0\0\0\0\0\0\10\0\0\0\0\0\0\0\15three", 32},
};
#define WIRE_FRAMES "one||three|"

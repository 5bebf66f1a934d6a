#include "ctl/json.h"

#include <string.h>

#include "base/text.h"

void
json_text(FILE *out, const char *text)
{
    char memory[TEXT_JSON_CHAR_MAX];

    if (!text) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (size_t len = strlen(text); len > 0;) {
        struct text t = {.data = memory, .size = sizeof(memory)};
        size_t n = text_add_json_char(&t, text, len);

        fwrite(memory, 1, t.len, out);
        text += n;
        len -= n;
    }
    fputc('"', out);
}

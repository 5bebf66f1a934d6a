#include "download/bytes/listing_page.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "download/bytes/escape.h"

/* Style and script are inline, because a listing may be at any path, and there is no path for a
 * further file. */
static const char page_head[] =
    "</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; --page: #fff; --text: #1c2128; --faint: #5d6773; --line: "
    "#e3e7eb;\n"
    "  --row: #f4f6f8; --link: #0b57c9; --folder: #b7791f }\n"
    "@media (prefers-color-scheme: dark) {\n"
    "  :root { --page: #14171c; --text: #e4e8ed; --faint: #98a3b0; --line: #2a3038; --row: "
    "#1d2229;\n"
    "    --link: #82b4ff; --folder: #e3b341 }\n"
    "}\n"
    "* { box-sizing: border-box }\n"
    "body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 3rem; background: var(--page);\n"
    "  color: var(--text); font: 1rem/1.5 system-ui, sans-serif }\n"
    "h1 { margin: 0 0 1rem; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere }\n"
    "h1 a, h1 i { margin-right: .15em } h1 i { color: var(--faint); font-style: normal }\n"
    "a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }\n"
    "a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px }\n"
    "table { width: 100%; border-collapse: collapse }\n"
    "th, td { padding: .4rem .5rem; border-bottom: 1px solid var(--line); text-align: left;\n"
    "  vertical-align: top }\n"
    "th { color: var(--faint); font-size: .8125rem; font-weight: 500 }\n"
    "td:first-child { width: 100%; overflow-wrap: anywhere; white-space: pre-wrap }\n"
    "td + td { color: var(--faint); font-size: .875rem; line-height: 1.72; white-space: nowrap;\n"
    "  font-variant-numeric: tabular-nums }\n"
    "th:nth-child(2), td:nth-child(2) { text-align: right }\n"
    "td a { display: block; padding-left: 1.75rem }\n"
    "td svg { float: left; width: 1.125rem; height: 1.5rem; color: var(--faint) }\n"
    ".d svg { color: var(--folder) }\n"
    "tbody tr:hover { background: var(--row) }\n"
    "p { color: var(--faint); font-size: .875rem; margin: 1rem .5rem }\n"
    "@media (max-width: 36rem) { time span, th span { display: none } }\n"
    "</style>\n"
    "</head>\n"
    "<body>\n"
    "<svg width=\"0\" height=\"0\" style=\"position: absolute\" aria-hidden=\"true\">\n"
    "<symbol id=\"d\" viewBox=\"0 0 18 24\"><path fill=\"currentColor\" d=\"M1 7a2 2 0 0 1 2-2h4l2 "
    "2h6a2 2 0 0 1 "
    "2 2v8a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2z\"/></symbol>\n"
    "<symbol id=\"f\" viewBox=\"0 0 18 24\"><path fill=\"none\" stroke=\"currentColor\" "
    "stroke-width=\"1.5\" "
    "stroke-linejoin=\"round\" d=\"M3 4h7l5 5v11H3zM10 4v5h5\"/></symbol>\n"
    "</svg>\n"
    "<main>\n"
    "<h1>";

/* "./" before the name, because a browser would take "a:" for a scheme. */
void
dl_listing_put_link(FILE *out, const struct dl_entry *entry)
{
    char link[DL_ESCAPE_PATH_FACTOR * NAME_MAX + 4];
    size_t len =
        dl_escape_path((struct goevd_str){entry->name, strlen(entry->name)}, link, sizeof(link));

    fprintf(out, "./%.*s%s", (int)len, link, entry->kind == DL_ENTRY_DIRECTORY ? "/" : "");
}

static void
dl_page_put_escaped(FILE *out, const char *text, size_t len)
{
    char *copy = strndup(text, len);

    if (copy)
        dl_escape_html(out, copy);
    free(copy);
}

/* A link for each parent directory. The links are relative, so that they work behind a proxy that
 * strips a prefix of the path. */
static void
dl_page_put_path(FILE *out, const char *path)
{
    size_t above = 0;

    for (const char *p = path; *p != '\0'; p++)
        above += *p == '/';
    while (*path != '\0') {
        size_t len = strcspn(path, "/");

        if (path[len] == '\0' || above == 1) {
            dl_page_put_escaped(out, path, strlen(path));
            return;
        }
        fputs("<a href=\"", out);
        for (size_t i = 1; i < above; i++)
            fputs("../", out);
        fputs("\">", out);
        dl_page_put_escaped(out, path, len + (len == 0));
        fputs(len == 0 ? "</a>" : "</a><i>/</i>", out);
        above--;
        path += len + 1;
    }
}

static void
dl_page_put_time(FILE *out, time_t seconds)
{
    char full[32], date[16], clock[8];
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(full, sizeof(full), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
        strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0 ||
        strftime(clock, sizeof(clock), "%H:%M", &tm) == 0)
        return;
    fprintf(out, "<time datetime=\"%s\" title=\"%s\">%s<span> %s</span></time>", full, full, date,
            clock);
}

static void
dl_page_put_row(FILE *out, const struct dl_entry *e)
{
    static const char icons[] = {[DL_ENTRY_DIRECTORY] = 'd', [DL_ENTRY_FILE] = 'f'};
    char size[DL_SIZE_TEXT_MAX];

    fprintf(out,
            "<tr class=\"%c\"><td><svg aria-hidden=\"true\"><use href=\"#%c\"/></svg><a href=\"",
            icons[e->kind], icons[e->kind]);
    dl_listing_put_link(out, e);
    fputs("\"><bdi>", out);
    dl_escape_html(out, e->name);
    fprintf(out, "</bdi>%s</a></td><td>", e->kind == DL_ENTRY_DIRECTORY ? "/" : "");
    if (e->kind == DL_ENTRY_FILE)
        fprintf(out, "<data value=\"%" PRId64 "\" title=\"%" PRId64 " bytes\">%s</data>", e->size,
                e->size, dl_entry_size_text(e->size, size));
    fputs("</td><td>", out);
    dl_page_put_time(out, e->modified);
    fputs("</td></tr>\n", out);
}

static void
dl_page_put_count(FILE *out, const char *noun, const char *nouns, size_t count)
{
    fprintf(out, "%zu %s", count, count == 1 ? noun : nouns);
}

static void
dl_page_put_sum(FILE *out, struct dl_entry *const *entries, size_t count)
{
    char size[DL_SIZE_TEXT_MAX];
    size_t directories = 0;
    int64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        directories += entries[i]->kind == DL_ENTRY_DIRECTORY;
        if (entries[i]->kind == DL_ENTRY_FILE &&
            __builtin_add_overflow(bytes, entries[i]->size, &bytes))
            bytes = INT64_MAX;
    }
    fputs("<p>", out);
    dl_page_put_count(out, "directory", "directories", directories);
    fputs(", ", out);
    dl_page_put_count(out, "file", "files", count - directories);
    fprintf(out, ", %s</p>\n", dl_entry_size_text(bytes, size));
}

void
dl_listing_put_page(FILE *out, const char *path, struct dl_entry *const *entries, size_t count)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          out);
    dl_escape_html(out, path);
    fputs(page_head, out);
    dl_page_put_path(out, path);
    fputs("</h1>\n", out);
    if (count == 0) {
        fputs("<p>This directory is empty.</p>\n", out);
    } else {
        fputs("<table>\n<thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Size</th>"
              "<th scope=\"col\">Modified<span> (UTC)</span></th></tr></thead>\n<tbody>\n",
              out);
        for (size_t i = 0; i < count; i++)
            dl_page_put_row(out, entries[i]);
        fputs("</tbody>\n</table>\n", out);
        dl_page_put_sum(out, entries, count);
    }
    fputs("</main>\n</body>\n</html>\n", out);
}

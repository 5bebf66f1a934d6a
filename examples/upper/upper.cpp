// upper.c again, in C++17.
#include <cctype>
#include <cerrno>
#include <string>
#include <string_view>

#include <goevd/framing.h>
#include <goevd/plugin.h>

GOEVD_PLUGIN_HOST;

namespace {

struct Options {
    goevd_str prefix;
};

const goevd_option rows[] = {
    {"prefix", GOEVD_OPTION_STRING, 0, 0, offsetof(Options, prefix), "", 0, 64, nullptr, nullptr,
     nullptr, "Text before each line."},
    {},
};
const goevd_schema schema = GOEVD_SCHEMA(Options, rows);

// A line has come, without its end. No exception may pass into goevd.
int on_line(goevd_conn *c, void *, const char *line, size_t len, unsigned) noexcept
try {
    auto prefix = static_cast<const Options *>(goevd_conn_instance(c))->prefix;
    std::string out(prefix.data, prefix.len);

    if (len > 1000)
        return -EMSGSIZE;
    for (char byte : std::string_view(line, len))
        out += static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
    return goevd_conn_write_frame(c, out.data(), out.size());
} catch (const std::exception &) {
    return -ENOMEM;
}

int create(goevd_self *, const void *options, void **ret_instance)
{
    *ret_instance = const_cast<void *>(options);
    return 0;
}

constexpr goevd_framing lines = {
    GOEVD_VERSION_OF(goevd_framing), GOEVD_FRAMING_LINES, 0, {}, 0,
};

constexpr goevd_stream stream = [] {
    goevd_stream s{};
    s.version = GOEVD_VERSION_OF(goevd_stream);
    s.framing = &lines;
    s.on_frame = on_line;
    return s;
}();

const void *interface(const char *id)
{
    return std::string_view(id) == GOEVD_STREAM ? &stream : nullptr;
}

} // namespace

const struct goevd_plugin_entry goevd_plugin_entry = {
    GOEVD_VERSION_OF(struct goevd_plugin_entry), 0, &goevd_host, "upper",
    "sends lines back in capitals", &schema, create, nullptr, nullptr, nullptr, interface,
    nullptr, nullptr, nullptr,
};

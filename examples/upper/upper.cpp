// upper.c again, in C++17.
#include <cctype>
#include <cerrno>
#include <string>
#include <string_view>

#include <goevd/plugin.h>

GOEVD_PLUGIN_HOST;

namespace {

struct Options {
    goevd_str prefix;
};

const goevd_option rows[] = {
    {"prefix", GOEVD_OPTION_STRING, 0, 0, offsetof(Options, prefix), "", 0, 64, nullptr, nullptr,
     nullptr, "what is put before each line"},
    {},
};
const goevd_schema schema = GOEVD_SCHEMA(Options, rows);

ptrdiff_t read_lines(goevd_conn *c, std::string_view data)
{
    auto prefix = static_cast<const Options *>(goevd_conn_instance(c))->prefix;
    size_t used = 0, end;

    while ((end = data.find('\n', used)) != data.npos && end - used < 1000) {
        std::string out(prefix.data, prefix.len);
        for (char byte : data.substr(used, end + 1 - used))
            out += static_cast<char>(std::toupper(static_cast<unsigned char>(byte)));
        int r = goevd_conn_write(c, out.data(), out.size());
        if (r < 0)
            return r == -ENOBUFS ? static_cast<ptrdiff_t>(used) : r;
        used = end + 1;
    }
    return data.size() - used >= 1000 ? -EMSGSIZE : static_cast<ptrdiff_t>(used);
}

// No exception may pass into goevd.
ptrdiff_t on_read(goevd_conn *c, void *, const char *data, size_t len, size_t, unsigned) noexcept
try {
    return read_lines(c, {data, len});
} catch (const std::exception &) {
    return -ENOMEM;
}

int create(goevd_self *, const void *options, void **ret_instance)
{
    *ret_instance = const_cast<void *>(options);
    return 0;
}

constexpr goevd_stream stream = [] {
    goevd_stream s{};
    s.version = GOEVD_VERSION_OF(goevd_stream);
    s.on_read = on_read;
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
};

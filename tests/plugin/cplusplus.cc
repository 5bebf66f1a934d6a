// A plugin in C++17, with the standard library, exceptions inside it and a destructor.
#include <goevd/plugin.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

extern "C" {
GOEVD_PLUGIN_HOST;
}

namespace
{

struct Options {
    goevd_str greeting;
};

struct Greeter {
    explicit Greeter(std::string_view text) : greeting(text)
    {
        if (greeting.empty())
            throw std::invalid_argument("no greeting");
    }
    std::string greeting;
};

struct Connection {
    std::string *line;
};

int
on_open(goevd_conn *c, void *state)
{
    static_cast<Connection *>(state)->line = new std::string;
    (void)c;
    return 0;
}

ptrdiff_t
on_read(goevd_conn *c, void *state, const char *data, size_t len, size_t fresh, unsigned flags)
{
    auto *greeter = static_cast<Greeter *>(goevd_conn_instance(c));
    auto &line = *static_cast<Connection *>(state)->line;
    std::string_view all(data, len);

    (void)fresh, (void)flags;
    line.append(all);
    if (line.back() != '\n')
        return static_cast<ptrdiff_t>(len);
    line.pop_back();
    const std::string answer = greeter->greeting + ", " + line + "!\n";
    line.clear();
    const int r = goevd_conn_write(c, answer.data(), answer.size());
    return r < 0 ? r : static_cast<ptrdiff_t>(len);
}

void
on_close(goevd_conn *c, void *state, goevd_reason reason)
{
    (void)c, (void)reason;
    delete static_cast<Connection *>(state)->line;
}

goevd_stream
make_stream()
{
    goevd_stream stream{};

    stream.version = GOEVD_VERSION_OF(goevd_stream);
    stream.conn_size = sizeof(Connection);
    stream.on_open = on_open;
    stream.on_read = on_read;
    stream.on_close = on_close;
    return stream;
}

const goevd_stream stream = make_stream();

const goevd_option *
make_options()
{
    static goevd_option options[2]{};

    options[0].name = "greeting";
    options[0].type = GOEVD_OPTION_STRING;
    options[0].offset = offsetof(Options, greeting);
    options[0].def = "Hello";
    options[0].help = "the first word";
    return options;
}

const goevd_schema schema = GOEVD_SCHEMA(Options, make_options());

int
create(goevd_self *self, const void *options, void **ret_instance)
{
    const auto &text = static_cast<const Options *>(options)->greeting;

    try {
        *ret_instance = std::make_unique<Greeter>(std::string_view(text.data, text.len)).release();
    } catch (const std::exception &e) {
        return goevd_refuse(self, "greeting", "%s", e.what());
    }
    return 0;
}

void
destroy(void *instance)
{
    delete static_cast<Greeter *>(instance);
}

const void *
interface(const char *id)
{
    return std::string_view(id) == GOEVD_STREAM ? &stream : nullptr;
}

} // namespace

extern "C" const struct goevd_plugin_entry goevd_plugin_entry = {
    GOEVD_VERSION_OF(struct goevd_plugin_entry),
    0,
    &goevd_host,
    "cplusplus",
    "greets, in C++",
    &schema,
    create,
    destroy,
    nullptr,
    nullptr,
    interface,
    nullptr,
    nullptr,
    nullptr,
};

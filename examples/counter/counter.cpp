// counter - a WebSocket application in C++17: sends each client the number of messages, and of
// bytes in all, it has sent. goevd-websocket-app(7) explains applications.
#include <cerrno>
#include <string>
#include <string_view>

#include <goevd/websocket.h>

GOEVD_PLUGIN_HOST;
GOEVD_WEBSOCKET_TABLE;

namespace {

// The state of each connection, in zeroed memory of goevd's; no destructor runs.
struct Counter {
    std::size_t messages;
    std::size_t bytes;
};

// No exception may pass into goevd.
int on_message(goevd_websocket_conn *w, void *state, int, const char *, std::size_t len) noexcept
try {
    auto *counter = static_cast<Counter *>(state);
    auto said = std::to_string(counter->messages + 1) + " messages, " +
                std::to_string(counter->bytes + len) + " bytes";
    int r = goevd_websocket_send(w, GOEVD_WEBSOCKET_TEXT, said.data(), said.size());

    if (r >= 0) { // else the message comes again
        counter->messages++;
        counter->bytes += len;
    }
    return r;
} catch (const std::exception &) {
    return -ENOMEM;
}

constexpr goevd_websocket_app app = [] {
    goevd_websocket_app a{};
    a.version = GOEVD_WEBSOCKET_VERSION_OF(goevd_websocket_app);
    a.conn_size = sizeof(Counter);
    a.websocket = &goevd_websocket;
    a.on_message = on_message;
    return a;
}();

int create(goevd_self *, const void *, void **)
{
    return 0;
}

const void *interface(const char *id)
{
    return std::string_view(id) == GOEVD_WEBSOCKET ? &app : nullptr;
}

} // namespace

const struct goevd_plugin_entry goevd_plugin_entry = {
    GOEVD_VERSION_OF(struct goevd_plugin_entry), 0, &goevd_host, "counter", "counts messages",
    nullptr, create, nullptr, nullptr, nullptr, interface, nullptr, nullptr, nullptr,
};

// Java's HttpClient: java WebSocketClient.java URL; prints the messages received, and the close code.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

class WebSocketClient {
    public static void main(String[] args) throws Exception {
        var closed = new CompletableFuture<Integer>();
        var ws = HttpClient.newHttpClient().newWebSocketBuilder()
            .buildAsync(URI.create(args[0]), new WebSocket.Listener() {
                @Override
                public CompletionStage<?> onText(WebSocket w, CharSequence data, boolean last) {
                    System.out.println("text " + data + " " + last);
                    w.sendClose(4000, "enough");
                    return null;
                }

                @Override
                public CompletionStage<?> onClose(WebSocket w, int code, String reason) {
                    closed.complete(code);
                    return null;
                }
            }).get();

        ws.sendText("in ", false).get();
        ws.sendText("parts", true).get();
        ws.request(1);
        System.out.println("close " + closed.get());
        System.exit(0);
    }
}

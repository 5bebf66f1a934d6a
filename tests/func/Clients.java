// Java's HttpClient, which asks for an upgrade to HTTP/2 with its first request.
// java Clients.java URL; prints a line for each reply.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

class Clients {
    private static final HttpClient client = HttpClient.newBuilder()
        .followRedirects(HttpClient.Redirect.NORMAL).build();

    private static void ask(HttpRequest.Builder request) throws Exception {
        var reply = client.send(request.build(), BodyHandlers.ofString());
        System.out.println(reply.version() + " " + reply.statusCode() + " " + reply.body().length());
    }

    public static void main(String[] args) throws Exception {
        var form = URI.create(args[0] + "/form");
        ask(HttpRequest.newBuilder(URI.create(args[0] + "/")));
        ask(HttpRequest.newBuilder(URI.create(args[0] + "/old")));
        ask(HttpRequest.newBuilder(URI.create(args[0] + "/empty")));
        ask(HttpRequest.newBuilder(form).POST(BodyPublishers.ofString("hello")));
        // chunked, because its length is unknown
        ask(HttpRequest.newBuilder(form).POST(BodyPublishers.fromPublisher(
            BodyPublishers.ofString("hello"))));
    }
}

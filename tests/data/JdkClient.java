import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Asks a server as an app with java.net.http does, with nothing but defaults: the first request offers HTTP/2. */
public class JdkClient {
    static final String BODY =
        "{\"input\":{\"mode\":\"text-to-video\",\"prompt\":\"hi\",\"resolution\":\"480p\",\"duration\":5}}";

    public static void main(String[] args) throws Exception {
        String base = args[0];
        URI generate = URI.create(base + "/generateTask/ltx-2-19b");
        HttpRequest.BodyPublisher[] bodies = {
            HttpRequest.BodyPublishers.ofString(BODY),
            HttpRequest.BodyPublishers.ofInputStream(
                () -> new ByteArrayInputStream(BODY.getBytes(StandardCharsets.UTF_8))),
        };
        for (HttpRequest.BodyPublisher body : bodies) {
            HttpClient client = HttpClient.newHttpClient();
            HttpResponse<String> made = ask(client, request(generate, args[1]).POST(body));
            System.out.println(made.statusCode());
            String task = made.body().replaceAll(".*\"taskId\":\"([^\"]*)\".*", "$1");
            URI status = URI.create(base + "/statusTask/ltx-2-19b?taskId=" + task);
            for (int poll = 0; poll < 2; poll++) {
                System.out.println(ask(client, request(status, args[1])).body().contains(task));
            }
        }
        URI nothing = URI.create(base + "/statusTask/ltx-2-19b?taskId=x");
        System.out.println(ask(HttpClient.newHttpClient(), request(nothing, args[1])).statusCode());
    }

    static HttpRequest.Builder request(URI uri, String key) {
        return HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(30))
            .header("Authorization", "Bearer " + key).header("Content-Type", "application/json");
    }

    static HttpResponse<String> ask(HttpClient client, HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
}

import com.fasterxml.jackson.databind.ObjectMapper;
import com.netflix.conductor.client.exception.ConductorClientException;
import java.io.IOException;
import java.io.PrintStream;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;

/** Runs named checks, says how each went, and has the assertions that they are made of. */
final class Checks {
    private static final long PATIENCE_MS = 15_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final PrintStream out;
    private int failures;

    Checks(PrintStream out) {
        this.out = out;
    }

    /** What a check does: it returns when the server answered rightly, and throws otherwise. */
    @FunctionalInterface
    interface Body {
        void run() throws Exception;
    }

    /** Run one check and print its line; a failure does not end the program. */
    void run(String name, Body body) throws IOException {
        Throwable failure = null;
        try {
            body.run();
        } catch (Throwable thrown) { // an SDK that cannot read an answer may end in an Error
            failure = thrown;
        }
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("name", name);
        line.put("ok", failure == null);
        line.put("detail", failure == null ? "" : describe(failure));
        out.println(JSON.writeValueAsString(line));
        failures += failure == null ? 0 : 1;
    }

    int failures() {
        return failures;
    }

    static void that(boolean holds, String claim) {
        if (!holds) {
            throw new AssertionError(claim);
        }
    }

    static void equal(Object expected, Object actual, String what) {
        that(Objects.equals(expected, actual), what + ": expected " + expected + ", got " + actual);
    }

    /** Ask that the server refuses a call with this HTTP status. */
    static void refused(int status, Body body) throws Exception {
        try {
            body.run();
        } catch (ConductorClientException refusal) {
            equal(status, refusal.getStatus(), "status of the refusal (" + refusal.getMessage() + ")");
            return;
        }
        throw new AssertionError("expected a refusal with status " + status);
    }

    /** Ask again and again until the value is the expected one. */
    static void eventually(Object expected, Supplier<Object> value, String what) throws InterruptedException {
        long end = System.currentTimeMillis() + PATIENCE_MS;
        Object actual = value.get();
        while (!Objects.equals(expected, actual) && System.currentTimeMillis() < end) {
            Thread.sleep(20);
            actual = value.get();
        }
        equal(expected, actual, what);
    }

    private static String describe(Throwable failure) {
        StackTraceElement place = failure.getStackTrace().length > 0 ? failure.getStackTrace()[0] : null;
        for (StackTraceElement element : failure.getStackTrace()) {
            if (element.getFileName() != null && element.getFileName().endsWith("Checks.java")
                    && !element.getClassName().equals("Checks")) {
                place = element;
                break;
            }
        }
        return failure + " at " + place;
    }
}

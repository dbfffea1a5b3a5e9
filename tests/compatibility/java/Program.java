import java.io.IOException;

/** Runs every check of the Java SDK against the server whose API is at the given URL; each prints one JSON line. */
public final class Program {
    private Program() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 1) {
            System.err.println("usage: Program http://host:port/api");
            System.exit(2);
        }
        Checks checks = new Checks(System.out);
        Clients clients = new Clients(arguments[0]);
        MetadataChecks.run(checks, clients);
        WorkflowChecks.run(checks, clients);
        OperationChecks.run(checks, clients);
        TaskChecks.run(checks, clients);
        WorkerChecks.run(checks, clients);
        BuilderChecks.run(checks, clients);
        EventChecks.run(checks, clients);
        SchedulerChecks.run(checks, clients);
        clients.close();
        System.exit(checks.failures() == 0 ? 0 : 1); // threads of the SDK's clients outlive their shutdown
    }
}

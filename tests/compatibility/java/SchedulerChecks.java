import com.netflix.conductor.common.metadata.SchemaDef;
import io.orkes.conductor.client.SchedulerClient;
import io.orkes.conductor.client.SchemaClient;
import io.orkes.conductor.client.SecretClient;
import io.orkes.conductor.client.model.SaveScheduleRequest;
import io.orkes.conductor.client.model.TagObject;
import io.orkes.conductor.client.model.WorkflowSchedule;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the server offers beside workflows and tasks: schedules, secrets, environment variables, schemas. */
final class SchedulerChecks {
    private SchedulerChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("schedule is saved and read", () -> saved(clients));
        checks.run("schedule is paused and resumed", () -> paused(clients));
        checks.run("schedules are paused in bulk", () -> pausedInBulk(clients));
        checks.run("next times of a schedule", () -> next(clients));
        checks.run("schedule starts workflows", () -> starts(clients));
        checks.run("schedule is tagged", () -> tagged(clients));
        checks.run("schedule is deleted", () -> deleted(clients));
        checks.run("secrets are kept", () -> secrets(clients));
        checks.run("environment variables are kept", () -> environment(clients));
        checks.run("schemas are kept", () -> schemas(clients));
    }

    private static SaveScheduleRequest schedule(String name, String cron, String workflow) {
        return new SaveScheduleRequest().name(name).cronExpression(cron).zoneId("UTC").paused(false)
                .startWorkflowRequest(Clients.request(workflow));
    }

    private static SchedulerClient yearly(Clients clients, String name) {
        clients.sequence("java_schedule_yearly", 1);
        SchedulerClient schedules = clients.extended.getSchedulerClient();
        schedules.saveSchedule(schedule(name, "0 0 12 1 1 ?", "java_schedule_yearly"));
        return schedules;
    }

    private static void saved(Clients clients) {
        SchedulerClient schedules = yearly(clients, "java_schedule_saved");
        WorkflowSchedule read = schedules.getSchedule("java_schedule_saved");
        Checks.equal("0 0 12 1 1 ?", read.getCronExpression(), "cron expression");
        Checks.equal("java_schedule_yearly", read.getStartWorkflowRequest().getName(), "workflow");
        Checks.equal(Map.of("n", 7), read.getStartWorkflowRequest().getInput(), "input");
        Checks.that(schedules.getAllSchedules("java_schedule_yearly").stream()
                .anyMatch(each -> each.getName().equals("java_schedule_saved")), "it is among those of the workflow");
        Checks.that(schedules.getAllSchedules(null).stream()
                .anyMatch(each -> each.getName().equals("java_schedule_saved")), "it is among all");
    }

    private static void paused(Clients clients) {
        SchedulerClient schedules = yearly(clients, "java_schedule_paused");
        schedules.pauseSchedule("java_schedule_paused");
        Checks.equal(true, schedules.getSchedule("java_schedule_paused").isPaused(), "paused");
        schedules.resumeSchedule("java_schedule_paused");
        Checks.equal(false, schedules.getSchedule("java_schedule_paused").isPaused(), "paused after resuming");
    }

    private static void pausedInBulk(Clients clients) {
        yearly(clients, "java_schedule_bulk_a");
        SchedulerClient schedules = yearly(clients, "java_schedule_bulk_b");
        List<String> names = List.of("java_schedule_bulk_a", "java_schedule_bulk_b");
        Checks.equal(names, schedules.pauseSchedulers(names).getBulkSuccessfulResults(), "paused ones");
        Checks.equal(true, schedules.getSchedule("java_schedule_bulk_b").isPaused(), "paused");
        Checks.equal(names, schedules.resumeSchedulers(names).getBulkSuccessfulResults(), "resumed ones");
        schedules.pauseAllSchedules(); // stops the server's scheduler; the schedules stay as they are
        schedules.resumeAllSchedules();
        schedules.requeueAllExecutionRecords();
        Checks.equal(false, schedules.getSchedule("java_schedule_bulk_a").isPaused(), "paused with all");
    }

    private static void next(Clients clients) {
        List<Long> times = clients.extended.getSchedulerClient().getNextFewSchedules("0 0 * * * ?", null, null, 3);
        Checks.equal(3, times.size(), "number of times");
        Checks.equal(3_600_000L, times.get(1) - times.get(0), "milliseconds between two times");
    }

    private static void starts(Clients clients) throws Exception {
        clients.sequence("java_schedule_starts", 1);
        SchedulerClient schedules = clients.extended.getSchedulerClient();
        schedules.saveSchedule(schedule("java_schedule_often", "* * * * * ?", "java_schedule_starts"));
        Checks.eventually(true, () -> !clients.workflows.getRunningWorkflow("java_schedule_starts", 1).isEmpty(),
                "a workflow is started");
        schedules.pauseSchedule("java_schedule_often");
        Checks.eventually(true, () -> !schedules.search(0, 10, null, "*", "scheduleName IN (java_schedule_often)")
                .getResults().isEmpty(), "an execution of the schedule is found");
    }

    private static void tagged(Clients clients) {
        SchedulerClient schedules = yearly(clients, "java_schedule_tagged");
        TagObject tag = new TagObject().key("team").value("blue").type(TagObject.TypeEnum.METADATA);
        schedules.setSchedulerTags(List.of(tag), "java_schedule_tagged");
        Checks.equal("blue", schedules.getSchedulerTags("java_schedule_tagged").get(0).getValue(), "tag");
        schedules.deleteSchedulerTags(List.of(tag), "java_schedule_tagged");
        Checks.equal(List.of(), schedules.getSchedulerTags("java_schedule_tagged"), "tags after deletion");
    }

    private static void deleted(Clients clients) {
        SchedulerClient schedules = yearly(clients, "java_schedule_deleted");
        schedules.deleteSchedule("java_schedule_deleted");
        Checks.that(schedules.getAllSchedules(null).stream()
                .noneMatch(each -> each.getName().equals("java_schedule_deleted")), "it is gone");
    }

    private static void secrets(Clients clients) {
        SecretClient secrets = clients.extended.getSecretClient();
        secrets.putSecret("hush", "java_secret");
        Checks.that(secrets.secretExists("java_secret"), "it exists");
        Checks.that(secrets.listAllSecretNames().contains("java_secret"), "it is among all names");
        Checks.that(secrets.listSecretsThatUserCanGrantAccessTo().contains("java_secret"), "access can be granted");
        secrets.setSecretTags(List.of(new TagObject().key("team").value("blue")), "java_secret");
        Checks.equal("blue", secrets.getSecretTags("java_secret").get(0).getValue(), "tag");
        secrets.deleteSecret("java_secret");
        Checks.that(!secrets.secretExists("java_secret"), "it is gone");
        Checks.equal(Set.of(), secrets.listAllSecretNames(), "names after deletion");
    }

    private static void environment(Clients clients) {
        var environment = clients.extended.getEnvironmentClient();
        environment.createOrUpdateEnvironmentVariable("java_variable", "v1");
        Checks.equal("v1", environment.getEnvironmentVariable("java_variable"), "value");
        Checks.that(environment.getAllEnvironmentVariables().stream()
                .anyMatch(each -> each.getName().equals("java_variable")), "it is among all");
        environment.deleteEnvironmentVariable("java_variable");
        Checks.that(environment.getAllEnvironmentVariables().stream()
                .noneMatch(each -> each.getName().equals("java_variable")), "it is gone");
    }

    private static void schemas(Clients clients) throws Exception {
        SchemaClient schemas = clients.extended.getSchemaClient();
        Map<String, Object> data = Map.of("type", "object", "required", List.of("n"));
        schemas.saveSchema(new SchemaDef("java_schema", 1, SchemaDef.Type.JSON, data, null));
        Checks.equal(data, schemas.getSchema("java_schema", 1).getData(), "data");
        Checks.equal(1, schemas.getSchema("java_schema").getVersion(), "latest version");
        Checks.that(schemas.getAllSchemas(false).stream().anyMatch(each -> each.getName().equals("java_schema")),
                "it is among all");
        schemas.deleteSchema("java_schema", 1);
        Checks.refused(404, () -> schemas.getSchema("java_schema", 1));
    }
}

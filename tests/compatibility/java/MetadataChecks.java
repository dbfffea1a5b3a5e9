import com.netflix.conductor.common.metadata.tasks.TaskDef;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import io.orkes.conductor.client.http.OrkesMetadataClient;
import io.orkes.conductor.client.model.TagObject;
import io.orkes.conductor.client.model.TagString;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Definitions: registered, read, changed, tagged and removed with the metadata clients. */
final class MetadataChecks {
    private MetadataChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("task definitions are registered and read", () -> taskDefs(clients));
        checks.run("task definition is updated", () -> updatedTaskDef(clients));
        checks.run("task definition is unregistered", () -> removedTaskDef(clients));
        checks.run("workflow definition is registered once", () -> workflowDef(clients));
        checks.run("workflow definitions have versions", () -> versions(clients));
        checks.run("workflow definition is unregistered", () -> removedWorkflowDef(clients));
        checks.run("invalid workflow definition is refused", () -> invalid(clients));
        checks.run("workflow definitions are overwritten", () -> overwritten(clients));
        checks.run("definitions are tagged", () -> tags(clients));
    }

    private static void taskDefs(Clients clients) {
        TaskDef def = Clients.taskDef("java_meta_all");
        def.setRetryCount(4);
        def.setRetryLogic(TaskDef.RetryLogic.EXPONENTIAL_BACKOFF);
        def.setTimeoutPolicy(TaskDef.TimeoutPolicy.ALERT_ONLY);
        def.setConcurrentExecLimit(3);
        def.setRateLimitPerFrequency(5);
        def.setRateLimitFrequencyInSeconds(2);
        def.setInputKeys(List.of("a"));
        def.setOutputKeys(List.of("b"));
        def.setInputTemplate(Map.of("a", 1));
        clients.metadata.registerTaskDefs(List.of(def, Clients.taskDef("java_meta_other")));
        TaskDef read = clients.metadata.getTaskDef("java_meta_all");
        Checks.equal(def, read, "task definition");
        Checks.equal(TaskDef.RetryLogic.EXPONENTIAL_BACKOFF, read.getRetryLogic(), "retry logic");
        Checks.equal(Map.of("a", 1), read.getInputTemplate(), "input template");
        List<String> names = clients.metadata.getAllTaskDefs().stream().map(TaskDef::getName).toList();
        Checks.that(names.containsAll(List.of("java_meta_all", "java_meta_other")), "all are listed: " + names);
    }

    private static void updatedTaskDef(Clients clients) throws Exception {
        clients.metadata.registerTaskDefs(List.of(Clients.taskDef("java_meta_updated")));
        TaskDef changed = Clients.taskDef("java_meta_updated");
        changed.setRetryCount(9);
        clients.metadata.updateTaskDef(changed);
        Checks.equal(9, clients.metadata.getTaskDef("java_meta_updated").getRetryCount(), "retry count");
        Checks.refused(404, () -> clients.metadata.updateTaskDef(Clients.taskDef("java_meta_unknown")));
    }

    private static void removedTaskDef(Clients clients) throws Exception {
        clients.metadata.registerTaskDefs(List.of(Clients.taskDef("java_meta_removed")));
        clients.metadata.unregisterTaskDef("java_meta_removed");
        Checks.refused(404, () -> clients.metadata.getTaskDef("java_meta_removed"));
    }

    private static void workflowDef(Clients clients) throws Exception {
        WorkflowDef def = Clients.workflowDef("java_meta_flow", 1, List.of(Clients.simple("java_meta_all", "first")));
        def.setInputParameters(List.of("n"));
        def.setVariables(Map.of("v", 1));
        clients.metadata.registerWorkflowDef(def);
        WorkflowDef read = clients.metadata.getWorkflowDef("java_meta_flow", 1);
        Checks.equal("first", read.getTasks().get(0).getTaskReferenceName(), "reference");
        Checks.equal(List.of("n"), read.getInputParameters(), "input parameters");
        Checks.equal(Map.of("v", 1), read.getVariables(), "variables");
        Checks.equal(Clients.OWNER, read.getOwnerEmail(), "owner");
        Checks.refused(409, () -> clients.metadata.registerWorkflowDef(def));
    }

    private static void versions(Clients clients) {
        clients.register("java_meta_versions", 1, List.of(Clients.simple("java_meta_all", "one")));
        clients.register("java_meta_versions", 2, List.of(Clients.simple("java_meta_all", "two")));
        Checks.equal(2, clients.metadata.getWorkflowDef("java_meta_versions", null).getVersion(), "latest version");
        Checks.equal("one", clients.metadata.getWorkflowDef("java_meta_versions", 1).getTasks().get(0)
                .getTaskReferenceName(), "reference in version 1");
        List<Integer> listed = clients.metadata.getAllWorkflowsWithLatestVersions().stream()
                .filter(each -> each.getName().equals("java_meta_versions")).map(WorkflowDef::getVersion).toList();
        Checks.equal(List.of(2), listed, "versions among the latest");
    }

    private static void removedWorkflowDef(Clients clients) throws Exception {
        clients.register("java_meta_gone", 1, List.of(Clients.simple("java_meta_all", "one")));
        clients.metadata.unregisterWorkflowDef("java_meta_gone", 1);
        Checks.refused(404, () -> clients.metadata.getWorkflowDef("java_meta_gone", 1));
    }

    private static void invalid(Clients clients) throws Exception {
        WorkflowDef twice = Clients.workflowDef("java_meta_twice", 1,
                List.of(Clients.simple("java_meta_all", "same"), Clients.simple("java_meta_all", "same")));
        Checks.refused(400, () -> clients.metadata.registerWorkflowDef(twice));
        WorkflowDef nameless = Clients.workflowDef("java_meta_nameless", 1, List.of(Clients.simple("x", "x")));
        nameless.setName(null);
        Checks.refused(400, () -> clients.metadata.registerWorkflowDef(nameless));
    }

    private static void overwritten(Clients clients) throws Exception {
        OrkesMetadataClient metadata = clients.extended.getMetadataClient();
        WorkflowDef def = Clients.workflowDef("java_meta_over", 1, List.of(Clients.simple("java_meta_all", "a")));
        metadata.registerWorkflowDef(def, false);
        Checks.refused(409, () -> metadata.registerWorkflowDef(def, false));
        def.setDescription("changed");
        metadata.registerWorkflowDef(def, true);
        Checks.equal("changed", metadata.getWorkflowDef("java_meta_over", 1).getDescription(), "description");
        def.setDescription("changed again");
        metadata.updateWorkflowDefs(List.of(def), true);
        Checks.equal("changed again", metadata.getWorkflowDefWithMetadata("java_meta_over", 1).getDescription(),
                "description");
        Checks.that(metadata.getAllWorkflowDefs().stream().anyMatch(each -> each.getName().equals("java_meta_over")),
                "it is among all definitions");
    }

    private static void tags(Clients clients) {
        OrkesMetadataClient metadata = clients.extended.getMetadataClient();
        metadata.registerTaskDefs(List.of(Clients.taskDef("java_meta_tagged")));
        clients.register("java_meta_tagged", 1, List.of(Clients.simple("java_meta_tagged", "one")));
        TagObject team = new TagObject().key("team").value("blue").type(TagObject.TypeEnum.METADATA);
        metadata.addTaskTag(team, "java_meta_tagged");
        metadata.addWorkflowTag(team, "java_meta_tagged");
        Checks.equal("blue", metadata.getTaskTags("java_meta_tagged").get(0).getValue(), "task tag");
        Checks.equal("blue", metadata.getWorkflowTags("java_meta_tagged").get(0).getValue(), "workflow tag");
        Checks.that(metadata.getTags().stream().anyMatch(each -> each.getKey().equals("team")), "all tags");
        metadata.setTaskTags(List.of(), "java_meta_tagged");
        Checks.equal(List.of(), metadata.getTaskTags("java_meta_tagged"), "task tags that were set");
        metadata.addTaskTag(team, "java_meta_tagged");
        metadata.deleteTaskTag(new TagString().key("team").value("blue"), "java_meta_tagged");
        Checks.equal(List.of(), metadata.getTaskTags("java_meta_tagged"), "task tags after the last was deleted");
        metadata.deleteWorkflowTag(team, "java_meta_tagged");
        Checks.equal(List.of(), metadata.getWorkflowTags("java_meta_tagged"), "workflow tags after a deletion");
    }
}

import com.netflix.conductor.client.http.ConductorClient;
import com.netflix.conductor.client.http.EventClient;
import com.netflix.conductor.client.http.MetadataClient;
import com.netflix.conductor.client.http.TaskClient;
import com.netflix.conductor.client.http.WorkflowClient;
import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskDef;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import com.netflix.conductor.common.metadata.workflow.WorkflowTask;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.sdk.workflow.executor.WorkflowExecutor;
import io.orkes.conductor.client.OrkesClients;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The SDK's clients of one server, and the steps that many checks share. Each check uses names of its own. */
final class Clients {
    static final String OWNER = "java@podium.test";

    final String url;
    final ConductorClient http;
    final WorkflowClient workflows;
    final TaskClient tasks;
    final MetadataClient metadata;
    final EventClient events;
    final WorkflowExecutor executor;
    final OrkesClients extended;

    Clients(String url) {
        this.url = url;
        http = ConductorClient.builder().basePath(url).readTimeout(30_000).build();
        workflows = new WorkflowClient(http);
        tasks = new TaskClient(http);
        metadata = new MetadataClient(http);
        events = new EventClient(http);
        executor = new WorkflowExecutor(http, 20);
        extended = new OrkesClients(http);
    }

    void close() {
        executor.shutdown();
        workflows.close();
        http.shutdown();
    }

    static TaskDef taskDef(String name) {
        TaskDef def = new TaskDef(name, "a task of the Java checks", OWNER, 0, 600, 600);
        def.setRetryDelaySeconds(0);
        return def;
    }

    /** A task that a worker does, whose input is that of its workflow. */
    static WorkflowTask simple(String name, String reference) {
        WorkflowTask task = new WorkflowTask();
        task.setName(name);
        task.setTaskReferenceName(reference);
        task.setType("SIMPLE");
        task.setInputParameters(Map.of("n", "${workflow.input.n}"));
        return task;
    }

    /** Register a workflow of simple tasks, one after the other, whose references are first, second, … */
    WorkflowDef sequence(String name, int length) {
        List<String> references = List.of("first", "second", "third").subList(0, length);
        List<WorkflowTask> steps = new ArrayList<>();
        for (String reference : references) {
            steps.add(simple(name + "_" + reference, reference));
        }
        metadata.registerTaskDefs(references.stream().map(each -> taskDef(name + "_" + each)).toList());
        return register(name, 1, steps);
    }

    WorkflowDef register(String name, int version, List<WorkflowTask> steps) {
        WorkflowDef def = workflowDef(name, version, steps);
        metadata.updateWorkflowDefs(List.of(def));
        return def;
    }

    static WorkflowDef workflowDef(String name, int version, List<WorkflowTask> steps) {
        WorkflowDef def = new WorkflowDef();
        def.setName(name);
        def.setVersion(version);
        def.setOwnerEmail(OWNER);
        def.setDescription("a workflow of the Java checks");
        def.setTasks(steps);
        def.setOutputParameters(Map.of("last", "${" + steps.get(steps.size() - 1).getTaskReferenceName() + ".output.r}"));
        def.setTimeoutSeconds(0);
        return def;
    }

    static StartWorkflowRequest request(String name) {
        return new StartWorkflowRequest().withName(name).withVersion(1).withInput(Map.of("n", 7));
    }

    String start(String name) {
        return workflows.startWorkflow(request(name));
    }

    Workflow workflow(String id) {
        return workflows.getWorkflow(id, true);
    }

    String status(String id) {
        return workflows.getWorkflow(id, false).getStatus().name();
    }

    void expectStatus(String status, String id) throws InterruptedException {
        Checks.eventually(status, () -> status(id), "status of the workflow");
    }

    /** Take the only task that waits for a worker of this type. */
    Task poll(String type) {
        List<Task> polled = tasks.batchPollTasksByTaskType(type, "checker", 5, 2_000);
        Checks.equal(1, polled.size(), "polled tasks of type " + type);
        return polled.get(0);
    }

    /** Poll a task and say how it ended; returns the task as it was polled. */
    Task end(String type, TaskResult.Status status) {
        Task task = poll(type);
        TaskResult result = new TaskResult(task);
        result.setStatus(status);
        result.addOutputData("r", "done by a check");
        result.setReasonForIncompletion(status == TaskResult.Status.COMPLETED ? null : "refused by a check");
        tasks.updateTask(result);
        return task;
    }
}

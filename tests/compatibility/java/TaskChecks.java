import com.netflix.conductor.common.metadata.tasks.PollData;
import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskExecLog;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.WorkflowTask;
import com.netflix.conductor.common.run.SearchResult;
import com.netflix.conductor.common.run.TaskSummary;
import com.netflix.conductor.common.run.Workflow;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.conductoross.conductor.common.model.SignalResponse;

/** Tasks as a client without the worker framework handles them: polls, results, logs, queues, signals. */
final class TaskChecks {
    private TaskChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("task is polled alone", () -> polledAlone(clients));
        checks.run("tasks are polled in a batch", () -> polledInBatch(clients));
        checks.run("tasks are polled in a domain", () -> polledInDomain(clients));
        checks.run("task result brings the next task", () -> next(clients));
        checks.run("task is updated by reference", () -> byReference(clients));
        checks.run("task is updated by reference and the workflow returned", () -> byReferenceSync(clients));
        checks.run("task in progress is handed out again", () -> inProgress(clients));
        checks.run("task logs are written and read", () -> logs(clients));
        checks.run("task details are read", () -> details(clients));
        checks.run("tasks are searched", () -> searched(clients));
        checks.run("queues are observed", () -> queues(clients));
        checks.run("poll data is read", () -> pollData(clients));
        checks.run("workflow is signalled", () -> signalled(clients));
    }

    private static void polledAlone(Clients clients) throws Exception {
        clients.sequence("java_task_alone", 1);
        Checks.that(clients.tasks.pollTask("java_task_alone_first", "ada", null) == null, "nothing to poll");
        String id = clients.start("java_task_alone");
        Task task = clients.tasks.pollTask("java_task_alone_first", "ada", null);
        Checks.equal(id, task.getWorkflowInstanceId(), "workflow");
        Checks.equal(Task.Status.IN_PROGRESS, task.getStatus(), "status");
        Checks.equal("ada", task.getWorkerId(), "worker");
        Checks.equal("java_task_alone", task.getWorkflowType(), "workflow type");
        Checks.equal(1, task.getPollCount(), "poll count");
    }

    private static void polledInBatch(Clients clients) {
        clients.sequence("java_task_batch", 1);
        for (int each = 0; each < 5; each++) {
            clients.start("java_task_batch");
        }
        Checks.equal(3, clients.tasks.batchPollTasksByTaskType("java_task_batch_first", "ada", 3, 1_000).size(),
                "first batch");
        Checks.equal(2, clients.tasks.batchPollTasksByTaskType("java_task_batch_first", "ada", 3, 200).size(),
                "second batch");
        Checks.equal(0, clients.tasks.batchPollTasksByTaskType("java_task_batch_first", "ada", 3, 50).size(),
                "third batch");
    }

    private static void polledInDomain(Clients clients) {
        clients.sequence("java_task_domain", 1);
        clients.workflows.startWorkflow(Clients.request("java_task_domain")
                .withTaskToDomain(Map.of("java_task_domain_first", "blue")));
        Checks.equal(0, clients.tasks.batchPollTasksByTaskType("java_task_domain_first", "ada", 1, 50).size(),
                "tasks without the domain");
        List<Task> polled = clients.tasks.batchPollTasksInDomain("java_task_domain_first", "blue", "ada", 1, 1_000);
        Checks.equal("blue", polled.get(0).getDomain(), "domain");
    }

    private static void next(Clients clients) {
        clients.sequence("java_task_next", 1);
        clients.start("java_task_next");
        clients.start("java_task_next");
        Task first = clients.tasks.pollTask("java_task_next_first", "ada", null);
        TaskResult result = new TaskResult(first);
        result.setStatus(TaskResult.Status.COMPLETED);
        Task second = clients.tasks.updateTaskV2(result);
        Checks.that(second != null && !second.getTaskId().equals(first.getTaskId()), "another task");
        TaskResult last = new TaskResult(second);
        last.setStatus(TaskResult.Status.COMPLETED);
        Checks.that(clients.tasks.updateTaskV2(last) == null, "no task is left");
    }

    private static String startWaiting(Clients clients, String name) {
        WorkflowTask wait = Clients.simple("java_wait", "wait");
        wait.setType("WAIT");
        clients.register(name, 1, List.of(wait));
        return clients.start(name);
    }

    private static void byReference(Clients clients) throws Exception {
        String id = startWaiting(clients, "java_task_reference");
        clients.tasks.updateTask(id, "wait", TaskResult.Status.COMPLETED, Map.of("r", "by reference"));
        clients.expectStatus("COMPLETED", id);
        Checks.equal(Map.of("last", "by reference"), clients.workflow(id).getOutput(), "output");
    }

    private static void byReferenceSync(Clients clients) {
        String id = startWaiting(clients, "java_task_sync");
        Workflow answer = clients.tasks.updateTaskSync(id, "wait", TaskResult.Status.COMPLETED, Map.of("r", 1));
        Checks.equal(id, answer.getWorkflowId(), "id");
        Checks.equal(Workflow.WorkflowStatus.COMPLETED, answer.getStatus(), "status");
    }

    private static void inProgress(Clients clients) {
        clients.sequence("java_task_progress", 1);
        String id = clients.start("java_task_progress");
        Task task = clients.end("java_task_progress_first", TaskResult.Status.IN_PROGRESS);
        Task again = clients.poll("java_task_progress_first");
        Checks.equal(task.getTaskId(), again.getTaskId(), "the same task");
        Checks.equal(2, again.getPollCount(), "poll count");
        Checks.equal("done by a check", again.getOutputData().get("r"), "output so far");
        Checks.equal("RUNNING", clients.status(id), "status");
    }

    private static void logs(Clients clients) throws Exception {
        clients.sequence("java_task_logs", 1);
        clients.start("java_task_logs");
        Task task = clients.poll("java_task_logs_first");
        clients.tasks.logMessageForTask(task.getTaskId(), "from the client");
        TaskResult result = new TaskResult(task);
        result.log("with the result");
        result.setStatus(TaskResult.Status.COMPLETED);
        clients.tasks.updateTask(result);
        Checks.eventually(List.of("from the client", "with the result"), () -> clients.tasks
                .getTaskLogs(task.getTaskId()).stream().map(TaskExecLog::getLog).toList(), "logs");
        TaskExecLog line = clients.tasks.getTaskLogs(task.getTaskId()).get(0);
        Checks.equal(task.getTaskId(), line.getTaskId(), "task of the line");
        Checks.that(line.getCreatedTime() > 0, "the line has a time");
    }

    private static void details(Clients clients) throws Exception {
        clients.sequence("java_task_details", 1);
        String id = clients.start("java_task_details");
        String taskId = clients.workflow(id).getTasks().get(0).getTaskId();
        Task task = clients.tasks.getTaskDetails(taskId);
        Checks.equal("first", task.getReferenceTaskName(), "reference");
        Checks.equal("java_task_details_first", task.getTaskDefName(), "definition");
        Checks.equal("java_task_details_first", task.getTaskDefinition().get().getName(), "definition in the task");
        Checks.refused(404, () -> clients.tasks.getTaskDetails("no-such-task"));
    }

    private static void searched(Clients clients) throws Exception {
        clients.sequence("java_task_searched", 1);
        clients.start("java_task_searched");
        clients.start("java_task_searched");
        String query = "taskType='java_task_searched_first'";
        Checks.eventually(2L, () -> clients.tasks.search(query).getTotalHits(), "hits");
        SearchResult<TaskSummary> page = clients.tasks.search(0, 1, "startTime:ASC", "*", query);
        Checks.equal(1, page.getResults().size(), "results of one page");
        Checks.equal("java_task_searched", page.getResults().get(0).getWorkflowType(), "workflow type");
        SearchResult<Task> full = clients.tasks.searchV2(0, 5, "startTime:ASC", "*", query);
        Checks.equal(2, full.getResults().size(), "full results");
        Checks.equal(7, full.getResults().get(0).getInputData().get("n"), "input of a full result");
        Checks.equal(2L, clients.tasks.searchV2(query).getTotalHits(), "hits in full");
    }

    private static void queues(Clients clients) {
        clients.sequence("java_task_queue", 1);
        clients.start("java_task_queue");
        clients.start("java_task_queue");
        Checks.equal(2, clients.tasks.getQueueSizeForTask("java_task_queue_first"), "size of the queue");
        Checks.that(clients.tasks.requeuePendingTasksByTaskType("java_task_queue_first") != null, "an answer");
        Checks.equal(2, clients.tasks.getQueueSizeForTask("java_task_queue_first"), "size after requeueing");
    }

    private static void pollData(Clients clients) {
        clients.sequence("java_task_polldata", 1);
        clients.tasks.batchPollTasksByTaskType("java_task_polldata_first", "grace", 1, 10);
        List<PollData> polls = clients.tasks.getPollData("java_task_polldata_first");
        Checks.equal("grace", polls.get(0).getWorkerId(), "worker");
        Checks.that(polls.get(0).getLastPollTime() > 0, "the poll has a time");
        Checks.that(clients.tasks.getAllPollData().stream()
                .anyMatch(each -> each.getQueueName().equals("java_task_polldata_first")), "it is among all poll data");
    }

    private static void signalled(Clients clients) throws Exception {
        String id = startWaiting(clients, "java_task_signalled");
        SignalResponse answer = clients.tasks.signal(id, Task.Status.COMPLETED, Map.of("r", "signal"));
        Checks.equal(id, answer.getWorkflowId(), "id");
        clients.expectStatus("COMPLETED", id);
        Checks.equal(Map.of("last", "signal"), clients.workflow(id).getOutput(), "output");
        String other = clients.start("java_task_signalled");
        clients.tasks.signalAsync(other, Task.Status.COMPLETED, Map.of("r", "later"));
        clients.expectStatus("COMPLETED", other);
    }
}

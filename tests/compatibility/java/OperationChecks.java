import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.RerunWorkflowRequest;
import com.netflix.conductor.common.model.BulkResponse;
import com.netflix.conductor.common.run.Workflow;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** What operators do to running and ended executions, one at a time and in bulk. */
final class OperationChecks {
    private OperationChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("workflow is paused and resumed", () -> paused(clients));
        checks.run("failed workflow is retried", () -> retried(clients));
        checks.run("failed workflow is rerun from a task", () -> rerun(clients));
        checks.run("workflow is restarted", () -> restarted(clients));
        checks.run("workflow is terminated", () -> terminated(clients));
        checks.run("task is skipped", () -> skipped(clients));
        checks.run("decider is run", () -> decided(clients));
        checks.run("callbacks are reset", () -> reset(clients));
        checks.run("operations that do not apply are refused", () -> refused(clients));
        checks.run("workflows are paused and resumed in bulk", () -> bulkPaused(clients));
        checks.run("workflows are terminated and restarted in bulk", () -> bulkTerminated(clients));
        checks.run("workflows are retried in bulk", () -> bulkRetried(clients));
    }

    private static void paused(Clients clients) throws Exception {
        clients.sequence("java_op_paused", 2);
        String id = clients.start("java_op_paused");
        clients.workflows.pauseWorkflow(id);
        Checks.equal("PAUSED", clients.status(id), "status");
        clients.end("java_op_paused_first", TaskResult.Status.COMPLETED);
        Checks.equal(1, clients.workflow(id).getTasks().size(), "number of tasks of a paused workflow");
        clients.workflows.resumeWorkflow(id);
        Checks.eventually(2, () -> clients.workflow(id).getTasks().size(), "number of tasks");
        clients.end("java_op_paused_second", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
    }

    private static void retried(Clients clients) throws Exception {
        clients.sequence("java_op_retried", 2);
        String id = clients.start("java_op_retried");
        clients.end("java_op_retried_first", TaskResult.Status.FAILED);
        clients.expectStatus("FAILED", id);
        String reason = clients.workflow(id).getReasonForIncompletion();
        Checks.that(reason.contains("refused by a check"), "the reason is the task's: " + reason);
        clients.workflows.retryLastFailedTask(id);
        Checks.equal("RUNNING", clients.status(id), "status");
        Task again = clients.end("java_op_retried_first", TaskResult.Status.COMPLETED);
        Checks.that(again.getRetriedTaskId() != null, "the task names the one that it retries");
        clients.end("java_op_retried_second", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
    }

    private static void rerun(Clients clients) throws Exception {
        clients.sequence("java_op_rerun", 2);
        String id = clients.start("java_op_rerun");
        clients.end("java_op_rerun_first", TaskResult.Status.COMPLETED);
        Task failed = clients.end("java_op_rerun_second", TaskResult.Status.FAILED);
        clients.expectStatus("FAILED", id);
        RerunWorkflowRequest request = new RerunWorkflowRequest();
        request.setReRunFromWorkflowId(id);
        request.setReRunFromTaskId(failed.getTaskId());
        request.setTaskInput(Map.of("n", 99));
        Checks.equal(id, clients.workflows.rerunWorkflow(id, request), "id of the rerun workflow");
        Task again = clients.end("java_op_rerun_second", TaskResult.Status.COMPLETED);
        Checks.equal(99, again.getInputData().get("n"), "input of the task");
        clients.expectStatus("COMPLETED", id);
    }

    private static void restarted(Clients clients) throws Exception {
        clients.sequence("java_op_restarted", 1);
        String id = clients.start("java_op_restarted");
        clients.end("java_op_restarted_first", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
        clients.workflows.restart(id, true);
        Checks.equal("RUNNING", clients.status(id), "status");
        clients.end("java_op_restarted_first", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
    }

    private static void terminated(Clients clients) {
        clients.sequence("java_op_terminated", 1);
        String id = clients.start("java_op_terminated");
        clients.workflows.terminateWorkflow(id, "wrong order");
        Workflow ended = clients.workflow(id);
        Checks.equal(Workflow.WorkflowStatus.TERMINATED, ended.getStatus(), "status");
        Checks.equal("wrong order", ended.getReasonForIncompletion(), "reason");
        Checks.equal(Task.Status.CANCELED, ended.getTasks().get(0).getStatus(), "status of the task");
        String other = clients.start("java_op_terminated");
        clients.workflows.terminateWorkflowWithFailure(other, "wrong too", true);
        Checks.equal("TERMINATED", clients.status(other), "status");
    }

    private static void skipped(Clients clients) throws Exception {
        clients.sequence("java_op_skipped", 3);
        String id = clients.start("java_op_skipped");
        clients.workflows.skipTaskFromWorkflow(id, "second");
        clients.end("java_op_skipped_first", TaskResult.Status.COMPLETED);
        clients.end("java_op_skipped_third", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
        Checks.equal(Task.Status.SKIPPED, clients.workflow(id).getTaskByRefName("second").getStatus(), "status");
    }

    private static void decided(Clients clients) {
        clients.sequence("java_op_decided", 1);
        String id = clients.start("java_op_decided");
        clients.workflows.runDecider(id);
        Checks.equal(1, clients.workflow(id).getTasks().size(), "number of tasks");
    }

    private static void reset(Clients clients) throws Exception {
        clients.sequence("java_op_reset", 1);
        String id = clients.start("java_op_reset");
        TaskResult later = new TaskResult(clients.poll("java_op_reset_first"));
        later.setStatus(TaskResult.Status.IN_PROGRESS);
        later.setCallbackAfterSeconds(600);
        clients.tasks.updateTask(later);
        Checks.equal(0, clients.tasks.batchPollTasksByTaskType("java_op_reset_first", "checker", 1, 100).size(),
                "tasks before the reset");
        clients.workflows.resetCallbacksForInProgressTasks(id);
        clients.end("java_op_reset_first", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
    }

    private static void refused(Clients clients) throws Exception {
        clients.sequence("java_op_refused", 1);
        String id = clients.start("java_op_refused");
        Checks.refused(409, () -> clients.workflows.restart(id, false));
        Checks.refused(404, () -> clients.workflows.retryLastFailedTask(id)); // that of a running workflow
        clients.end("java_op_refused_first", TaskResult.Status.COMPLETED);
        clients.expectStatus("COMPLETED", id);
        Checks.refused(409, () -> clients.workflows.terminateWorkflow(id, "too late"));
    }

    private static List<String> startTwo(Clients clients, String name) {
        clients.sequence(name, 1);
        return List.of(clients.start(name), clients.start(name));
    }

    private static void expectAll(Clients clients, String status, List<String> ids) throws Exception {
        for (String id : ids) {
            clients.expectStatus(status, id);
        }
    }

    private static void succeeded(List<String> ids, BulkResponse<?> answer) {
        Checks.equal(ids, answer.getBulkSuccessfulResults(), "successful ids");
        Checks.equal(Map.of(), answer.getBulkErrorResults(), "errors");
    }

    private static void bulkPaused(Clients clients) throws Exception {
        List<String> ids = startTwo(clients, "java_bulk_paused");
        succeeded(ids, clients.workflows.pauseWorkflows(ids));
        expectAll(clients, "PAUSED", ids);
        succeeded(ids, clients.workflows.resumeWorkflows(ids));
        expectAll(clients, "RUNNING", ids);
        BulkResponse<?> unknown = clients.workflows.pauseWorkflows(List.of("no-such-workflow"));
        Checks.that(unknown.getBulkErrorResults().containsKey("no-such-workflow"), "the unknown one is an error");
    }

    private static void bulkTerminated(Clients clients) throws Exception {
        List<String> ids = startTwo(clients, "java_bulk_terminated");
        succeeded(ids, clients.workflows.terminateWorkflows(ids, "in bulk"));
        expectAll(clients, "TERMINATED", ids);
        succeeded(ids, clients.workflows.restartWorkflows(ids, true));
        expectAll(clients, "RUNNING", ids);
        succeeded(ids, clients.workflows.terminateWorkflowsWithFailure(ids, "in bulk", false));
        expectAll(clients, "TERMINATED", ids);
    }

    private static void bulkRetried(Clients clients) throws Exception {
        List<String> ids = startTwo(clients, "java_bulk_retried");
        for (Task task : clients.tasks.batchPollTasksByTaskType("java_bulk_retried_first", "checker", 2, 1_000)) {
            TaskResult result = new TaskResult(task);
            result.setStatus(TaskResult.Status.FAILED_WITH_TERMINAL_ERROR);
            clients.tasks.updateTask(result);
        }
        expectAll(clients, "FAILED", ids);
        succeeded(ids, clients.workflows.retryWorkflows(ids));
        expectAll(clients, "RUNNING", ids);
    }
}

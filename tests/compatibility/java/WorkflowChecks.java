import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.StartWorkflowRequest;
import com.netflix.conductor.common.metadata.workflow.UpgradeWorkflowRequest;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import com.netflix.conductor.common.metadata.workflow.WorkflowTask;
import com.netflix.conductor.common.run.SearchResult;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.common.run.WorkflowSummary;
import com.netflix.conductor.common.run.WorkflowTestRequest;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.conductoross.conductor.common.model.SignalResponse;
import org.conductoross.conductor.common.model.WorkflowRun;
import org.conductoross.conductor.common.model.WorkflowStateUpdate;

/** Executions: started in every way that the workflow client has, executed synchronously, found and tried out. */
final class WorkflowChecks {
    private WorkflowChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("workflow is started and completes", () -> completes(clients));
        checks.run("workflow is started with correlation id and priority", () -> correlated(clients));
        checks.run("workflow is started with its definition", () -> ownDefinition(clients));
        checks.run("unknown workflows are refused", () -> unknown(clients));
        checks.run("workflow is executed synchronously", () -> executed(clients));
        checks.run("workflow is executed until a task", () -> executedUntil(clients));
        checks.run("workflow is executed with a return strategy", () -> strategy(clients));
        checks.run("variables of a workflow are updated", () -> variables(clients));
        checks.run("state of a workflow is updated", () -> state(clients));
        checks.run("running workflow is upgraded", () -> upgraded(clients));
        checks.run("running workflows are listed", () -> running(clients));
        checks.run("workflows are searched", () -> searched(clients));
        checks.run("status summary is read", () -> summary(clients));
        checks.run("workflow is tested without workers", () -> tested(clients));
        checks.run("workflow is deleted", () -> deleted(clients));
    }

    private static void completes(Clients clients) throws Exception {
        clients.sequence("java_flow_two", 2);
        String id = clients.start("java_flow_two");
        Workflow begun = clients.workflow(id);
        Checks.equal(Workflow.WorkflowStatus.RUNNING, begun.getStatus(), "status");
        Checks.equal(Map.of("n", 7), begun.getInput(), "input");
        Checks.equal(7, begun.getTasks().get(0).getInputData().get("n"), "input of the task");
        clients.end("java_flow_two_first", TaskResult.Status.COMPLETED);
        clients.end("java_flow_two_second", TaskResult.Status.COMPLETED);
        Workflow ended = clients.workflow(id);
        Checks.equal(Workflow.WorkflowStatus.COMPLETED, ended.getStatus(), "status");
        Checks.equal(Map.of("last", "done by a check"), ended.getOutput(), "output");
        Checks.that(ended.getEndTime() >= ended.getStartTime(), "it ended after it began");
    }

    private static void correlated(Clients clients) {
        clients.sequence("java_flow_correlated", 1);
        String id = clients.workflows.startWorkflow(Clients.request("java_flow_correlated")
                .withCorrelationId("order-1").withPriority(42).withCreatedBy("ada"));
        Workflow begun = clients.workflow(id);
        Checks.equal("order-1", begun.getCorrelationId(), "correlation id");
        Checks.equal(42, begun.getPriority(), "priority");
        Checks.equal(42, begun.getTasks().get(0).getWorkflowPriority(), "priority of the task");
        List<String> found = clients.workflows.getWorkflows("java_flow_correlated", "order-1", false, true).stream()
                .map(Workflow::getWorkflowId).toList();
        Checks.equal(List.of(id), found, "workflows with the correlation id");
        Map<String, List<Workflow>> batch = clients.workflows.getWorkflowsByNamesAndCorrelationIds(
                List.of("order-1"), List.of("java_flow_correlated"), false, true);
        Checks.equal(id, batch.get("order-1").get(0).getWorkflowId(), "workflow in the batch");
    }

    private static void ownDefinition(Clients clients) {
        WorkflowDef def = Clients.workflowDef("java_flow_inline", 1, List.of(setVariable("java_inline")));
        String id = clients.workflows.startWorkflow(new StartWorkflowRequest().withName("java_flow_inline")
                .withVersion(1).withInput(Map.of("n", 3)).withWorkflowDef(def));
        Workflow ended = clients.workflow(id);
        Checks.equal(Workflow.WorkflowStatus.COMPLETED, ended.getStatus(), "status");
        Checks.equal(3, ended.getVariables().get("seen"), "variable");
    }

    private static WorkflowTask setVariable(String reference) {
        WorkflowTask task = Clients.simple(reference, reference);
        task.setType("SET_VARIABLE");
        task.setInputParameters(Map.of("seen", "${workflow.input.n}"));
        return task;
    }

    private static void unknown(Clients clients) throws Exception {
        Checks.refused(404, () -> clients.start("java_flow_unknown"));
        Checks.refused(404, () -> clients.workflow("00000000-0000-0000-0000-000000000000"));
        Checks.refused(400, () -> clients.workflows.startWorkflow(
                Clients.request("java_flow_two").withPriority(1000)));
    }

    private static void executed(Clients clients) throws Exception {
        clients.register("java_flow_sync", 1, List.of(setVariable("only")));
        WorkflowRun ended = clients.workflows.executeWorkflow(Clients.request("java_flow_sync"), null,
                Duration.ofSeconds(10));
        Checks.equal("COMPLETED", ended.getStatus().name(), "status");
        Checks.equal(7, ended.getVariables().get("seen"), "variable");
        Checks.that(ended.getWorkflowId() != null, "it has an id");
    }

    private static void executedUntil(Clients clients) throws Exception {
        WorkflowTask wait = Clients.simple("java_wait", "wait");
        wait.setType("WAIT");
        clients.register("java_flow_until", 1, List.of(setVariable("before"), wait));
        WorkflowRun waiting = clients.workflows.executeWorkflow(Clients.request("java_flow_until"), "wait", 10)
                .get(15, TimeUnit.SECONDS);
        Checks.equal("RUNNING", waiting.getStatus().name(), "status");
        Checks.equal(2, waiting.getTasks().size(), "number of tasks");
        clients.tasks.updateTask(waiting.getWorkflowId(), "wait", TaskResult.Status.COMPLETED, Map.of("r", "on"));
        clients.expectStatus("COMPLETED", waiting.getWorkflowId());
    }

    private static void strategy(Clients clients) throws Exception {
        clients.register("java_flow_strategy", 1, List.of(setVariable("only")));
        SignalResponse answer = clients.workflows.executeWorkflowWithReturnStrategy(
                Clients.request("java_flow_strategy")).get(15, TimeUnit.SECONDS);
        Checks.that(answer.getWorkflowId() != null, "it names the workflow");
        clients.expectStatus("COMPLETED", answer.getWorkflowId());
    }

    private static void variables(Clients clients) {
        clients.sequence("java_flow_variables", 1);
        String id = clients.start("java_flow_variables");
        Workflow changed = clients.workflows.updateVariables(id, Map.of("colour", "green"));
        Checks.equal("green", changed.getVariables().get("colour"), "variable in the answer");
        Checks.equal("green", clients.workflow(id).getVariables().get("colour"), "variable");
    }

    private static void state(Clients clients) throws Exception {
        clients.sequence("java_flow_state", 2);
        String id = clients.start("java_flow_state");
        WorkflowStateUpdate update = new WorkflowStateUpdate();
        TaskResult result = new TaskResult();
        result.setWorkflowInstanceId(id);
        result.setStatus(TaskResult.Status.COMPLETED);
        result.setOutputData(Map.of("r", 1));
        update.setTaskReferenceName("first");
        update.setTaskResult(result);
        update.setVariables(Map.of("stage", 2));
        WorkflowRun changed = clients.workflows.updateWorkflow(id, List.of("second"), 5, update);
        Checks.equal(id, changed.getWorkflowId(), "id");
        Workflow read = clients.workflow(id);
        Checks.equal(2, read.getVariables().get("stage"), "variable");
        Checks.equal("COMPLETED", read.getTaskByRefName("first").getStatus().name(), "status of the first task");
        Checks.equal("SCHEDULED", read.getTaskByRefName("second").getStatus().name(), "status of the second task");
    }

    private static void upgraded(Clients clients) {
        clients.sequence("java_flow_upgraded", 2);
        String id = clients.start("java_flow_upgraded");
        clients.register("java_flow_upgraded", 2, List.of(
                Clients.simple("java_flow_upgraded_first", "first"), Clients.simple("java_flow_upgraded_third", "third")));
        UpgradeWorkflowRequest request = new UpgradeWorkflowRequest();
        request.setName("java_flow_upgraded");
        request.setVersion(2);
        clients.workflows.upgradeRunningWorkflow(id, request);
        Checks.equal(2, clients.workflow(id).getWorkflowVersion(), "version");
    }

    private static void running(Clients clients) {
        clients.sequence("java_flow_running", 1);
        long before = System.currentTimeMillis() - 1_000;
        String id = clients.start("java_flow_running");
        Checks.equal(List.of(id), clients.workflows.getRunningWorkflow("java_flow_running", 1), "running workflows");
        List<String> inPeriod = clients.workflows.getWorkflowsByTimePeriod("java_flow_running", 1, before,
                System.currentTimeMillis() + 60_000);
        Checks.equal(List.of(id), inPeriod, "workflows of the period");
    }

    private static void searched(Clients clients) throws Exception {
        clients.sequence("java_flow_searched", 1);
        for (int each = 0; each < 3; each++) {
            clients.workflows.startWorkflow(Clients.request("java_flow_searched").withCorrelationId("s" + each));
        }
        String query = "workflowType='java_flow_searched' AND status IN (RUNNING)";
        Checks.eventually(3L, () -> clients.workflows.search(query).getTotalHits(), "hits");
        SearchResult<WorkflowSummary> page = clients.workflows.search(1, 1, "correlationId:ASC", "*", query);
        Checks.equal(3L, page.getTotalHits(), "hits of all pages");
        Checks.equal(1, page.getResults().size(), "results of one page");
        Checks.equal("java_flow_searched", page.getResults().get(0).getWorkflowType(), "type");
        SearchResult<Workflow> full = clients.workflows.searchV2(0, 10, "startTime:DESC", "*", query);
        Checks.equal(3, full.getResults().size(), "full results");
        Checks.equal(Map.of("n", 7), full.getResults().get(0).getInput(), "input of a full result");
        Checks.equal(3L, clients.workflows.searchV2(query).getTotalHits(), "hits in full");
    }

    private static void summary(Clients clients) {
        clients.sequence("java_flow_summary", 1);
        String id = clients.workflows.startWorkflow(Clients.request("java_flow_summary").withCorrelationId("sum"));
        var status = clients.workflows.getWorkflowStatusSummary(id, true, true);
        Checks.equal(id, status.getWorkflowId(), "id");
        Checks.equal("sum", status.getCorrelationId(), "correlation id");
    }

    private static void tested(Clients clients) {
        WorkflowTestRequest request = new WorkflowTestRequest();
        WorkflowDef def = Clients.workflowDef("java_flow_tested", 1, List.of(Clients.simple("java_t", "first")));
        request.setName("java_flow_tested");
        request.setVersion(1);
        request.setWorkflowDef(def);
        request.setInput(Map.of("n", 1));
        WorkflowTestRequest.TaskMock mock = new WorkflowTestRequest.TaskMock();
        mock.setStatus(TaskResult.Status.COMPLETED);
        mock.setOutput(Map.of("r", "mocked"));
        request.setTaskRefToMockOutput(Map.of("first", List.of(mock)));
        Workflow ended = clients.workflows.testWorkflow(request);
        Checks.equal(Workflow.WorkflowStatus.COMPLETED, ended.getStatus(), "status");
        Checks.equal("mocked", ended.getOutput().get("last"), "output");
    }

    private static void deleted(Clients clients) throws Exception {
        clients.sequence("java_flow_deleted", 1);
        String id = clients.start("java_flow_deleted");
        clients.workflows.terminateWorkflow(id, "no longer wanted");
        clients.workflows.deleteWorkflow(id, false);
        Checks.refused(404, () -> clients.workflow(id));
    }
}

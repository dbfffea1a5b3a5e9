import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.metadata.workflow.WorkflowDef;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.sdk.testing.WorkflowTestRunner;
import com.netflix.conductor.sdk.workflow.def.ConductorWorkflow;
import com.netflix.conductor.sdk.workflow.def.WorkflowBuilder;
import com.netflix.conductor.sdk.workflow.def.tasks.DoWhile;
import com.netflix.conductor.sdk.workflow.def.tasks.Dynamic;
import com.netflix.conductor.sdk.workflow.def.tasks.DynamicFork;
import com.netflix.conductor.sdk.workflow.def.tasks.ForkJoin;
import com.netflix.conductor.sdk.workflow.def.tasks.Http;
import com.netflix.conductor.sdk.workflow.def.tasks.JQ;
import com.netflix.conductor.sdk.workflow.def.tasks.Javascript;
import com.netflix.conductor.sdk.workflow.def.tasks.SetVariable;
import com.netflix.conductor.sdk.workflow.def.tasks.SimpleTask;
import com.netflix.conductor.sdk.workflow.def.tasks.SubWorkflow;
import com.netflix.conductor.sdk.workflow.def.tasks.Switch;
import com.netflix.conductor.sdk.workflow.def.tasks.Terminate;
import com.netflix.conductor.sdk.workflow.def.tasks.Wait;
import com.netflix.conductor.sdk.workflow.executor.WorkflowExecutor;
import com.netflix.conductor.sdk.workflow.task.InputParam;
import com.netflix.conductor.sdk.workflow.task.WorkerTask;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Workflows made with the SDK's builders, registered and executed with its WorkflowExecutor. */
final class BuilderChecks {
    private BuilderChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        clients.executor.initWorkersFromInstances(List.of(new Steps()));
        clients.metadata.registerTaskDefs(List.of(Clients.taskDef("java_built_add"), Clients.taskDef("java_built_forks")));
        checks.run("built workflow is registered and executed", () -> executed(clients));
        checks.run("built workflow is executed without being registered", () -> dynamic(clients));
        checks.run("built switch", () -> switched(clients));
        checks.run("built fork and join", () -> forked(clients));
        checks.run("built loop", () -> looped(clients));
        checks.run("built dynamic fork", () -> dynamicFork(clients));
        checks.run("built dynamic task", () -> dynamicTask(clients));
        checks.run("built sub workflow", () -> subWorkflow(clients));
        checks.run("built scripts", () -> scripts(clients));
        checks.run("built wait", () -> waiting(clients));
        checks.run("built termination", () -> terminated(clients));
        checks.run("built http call", () -> http(clients));
        checks.run("definition becomes a builder again", () -> readBack(clients));
        checks.run("workflow of the executor fails with its reason", () -> failed(clients));
        checks.run("test runner of the SDK", () -> testRunner(clients));
    }

    /** The worker of all built workflows. */
    public static final class Steps {
        @WorkerTask(value = "java_built_add", threadCount = 5, pollingInterval = 10)
        public Map<String, Object> add(@InputParam("a") Integer a, @InputParam("b") Integer b) {
            return Map.of("sum", a + b);
        }

        @WorkerTask(value = "java_built_forks", pollingInterval = 10)
        public Map<String, Object> forks(@InputParam("n") Integer n) {
            Map<String, Object> task = Map.of("name", "java_built_add", "taskReferenceName", "x", "type", "SIMPLE");
            Map<String, Object> other = Map.of("name", "java_built_add", "taskReferenceName", "y", "type", "SIMPLE");
            return Map.of("tasks", List.of(task, other),
                    "inputs", Map.of("x", Map.of("a", n, "b", 1), "y", Map.of("a", n, "b", 2)));
        }
    }

    private static SimpleTask add(String reference, Object a, Object b) {
        return new SimpleTask("java_built_add", reference).input("a", a).input("b", b);
    }

    private static WorkflowBuilder<Map<String, Object>> builder(Clients clients, String name) {
        return new WorkflowBuilder<Map<String, Object>>(clients.executor).name(name).version(1)
                .ownerEmail(Clients.OWNER).description("built by a Java check");
    }

    private static Workflow execute(ConductorWorkflow<Map<String, Object>> workflow) throws Exception {
        Checks.that(workflow.registerWorkflow(true, true), "the workflow is registered");
        Workflow ended = workflow.execute(Map.of("n", 7)).get(20, TimeUnit.SECONDS);
        Checks.equal(Workflow.WorkflowStatus.COMPLETED, ended.getStatus(), "status (" + ended.getReasonForIncompletion()
                + ")");
        return ended;
    }

    private static void executed(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_plain")
                .add(add("one", "${workflow.input.n}", 1), add("two", "${one.output.sum}", 10))
                .output("total", "${two.output.sum}").build());
        Checks.equal(18, ended.getOutput().get("total"), "output");
    }

    private static void dynamic(Clients clients) throws Exception {
        ConductorWorkflow<Map<String, Object>> workflow = builder(clients, "java_built_unregistered")
                .add(add("one", "${workflow.input.n}", 1)).output("total", "${one.output.sum}").build();
        Workflow ended = workflow.executeDynamic(Map.of("n", 1)).get(20, TimeUnit.SECONDS);
        Checks.equal(Map.of("total", 2), ended.getOutput(), "output");
        clients.expectStatus("COMPLETED", workflow.startDynamic(Map.of("n", 1)));
    }

    private static void switched(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_switch")
                .add(new Switch("by_value", "${workflow.input.n}")
                        .switchCase("7", add("seven", 7, 0))
                        .defaultCase(add("other", 0, 0)))
                .add(new Switch("by_script", "$.n > 5 ? 'big' : 'small'", true).input("n", "${workflow.input.n}")
                        .switchCase("big", add("big", 1, 1))
                        .switchCase("small", add("small", 1, 1)))
                .build());
        Checks.equal(List.of("by_value", "seven", "by_script", "big"),
                ended.getTasks().stream().map(Task::getReferenceTaskName).toList(), "path");
    }

    private static void forked(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_fork")
                .add(new ForkJoin("fork", new com.netflix.conductor.sdk.workflow.def.tasks.Task<?>[][] {
                    {add("left", 1, 2)}, {add("right", 3, 4), add("right2", "${right.output.sum}", 1)}}))
                .output("left", "${left.output.sum}").output("right", "${right2.output.sum}").build());
        Checks.equal(Map.of("left", 3, "right", 8), ended.getOutput(), "output");
    }

    private static void looped(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_loop")
                .add(new DoWhile("loop", 3, add("step", "${workflow.input.n}", 1))).build());
        Checks.equal(3L, ended.getTasks().stream().filter(each -> each.getTaskDefName().equals("java_built_add"))
                .count(), "iterations");
        Checks.equal(3, ended.getTaskByRefName("loop").getOutputData().get("iteration"), "last iteration");
    }

    private static void dynamicFork(Clients clients) throws Exception {
        SimpleTask forks = new SimpleTask("java_built_forks", "forks").input("n", "${workflow.input.n}");
        Workflow ended = execute(builder(clients, "java_built_dynamic_fork").add(forks)
                .add(new DynamicFork("fork", "${forks.output.tasks}", "${forks.output.inputs}"))
                .output("x", "${x.output.sum}").output("y", "${y.output.sum}").build());
        Checks.equal(Map.of("x", 8, "y", 9), ended.getOutput(), "output");
    }

    private static void dynamicTask(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_dynamic")
                .add(new Dynamic("chosen", "java_built_add").input("a", 2).input("b", 3))
                .output("sum", "${chosen.output.sum}").build());
        Checks.equal(Map.of("sum", 5), ended.getOutput(), "output");
    }

    private static void subWorkflow(Clients clients) throws Exception {
        ConductorWorkflow<Map<String, Object>> inner = builder(clients, "java_built_inner")
                .add(add("one", "${workflow.input.n}", 1)).output("sum", "${one.output.sum}").build();
        Checks.that(inner.registerWorkflow(true, true), "the inner workflow is registered");
        Workflow ended = execute(builder(clients, "java_built_outer")
                .add(new SubWorkflow("by_name", "java_built_inner", 1).input("n", 1))
                .add(new SubWorkflow("by_definition", inner).input("n", 2))
                .output("a", "${by_name.output.sum}").output("b", "${by_definition.output.sum}").build());
        Checks.equal(Map.of("a", 2, "b", 3), ended.getOutput(), "output");
        String id = ended.getTaskByRefName("by_name").getSubWorkflowId();
        Checks.equal(ended.getWorkflowId(), clients.workflow(id).getParentWorkflowId(), "parent");
    }

    private static void scripts(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_scripts")
                .add(new Javascript("script", "(function () { return {'sum': $.n + 1}; })();").input("n", 7))
                .add(new JQ("query", "{total: (.list | add)}").input("list", List.of(1, 2, 3)))
                .add(new SetVariable("set").input("seen", "${script.output.result.sum}"))
                .output("sum", "${script.output.result.sum}").output("total", "${query.output.result.total}").build());
        Checks.equal(Map.of("sum", 8, "total", 6), ended.getOutput(), "output");
        Checks.equal(8, ended.getVariables().get("seen"), "variable");
    }

    private static void waiting(Clients clients) throws Exception {
        ConductorWorkflow<Map<String, Object>> workflow = builder(clients, "java_built_wait")
                .add(new Wait("second", Duration.ofSeconds(1)), new Wait("signal"))
                .output("r", "${signal.output.r}").build();
        Checks.that(workflow.registerWorkflow(true, true), "the workflow is registered");
        String id = clients.executor.startWorkflow(workflow, Map.of());
        Checks.eventually(true, () -> clients.workflow(id).getTaskByRefName("signal") != null, "the second wait begins");
        clients.tasks.updateTask(id, "signal", TaskResult.Status.COMPLETED, Map.of("r", "go"));
        clients.expectStatus("COMPLETED", id);
        Checks.equal(Map.of("r", "go"), clients.workflow(id).getOutput(), "output");
    }

    private static void terminated(Clients clients) throws Exception {
        ConductorWorkflow<Map<String, Object>> workflow = builder(clients, "java_built_terminated")
                .add(new Terminate("end", Workflow.WorkflowStatus.FAILED, "not today", Map.of("k", 1)))
                .add(add("never", 1, 1)).build();
        Checks.that(workflow.registerWorkflow(true, true), "the workflow is registered");
        Workflow ended = workflow.execute(Map.of()).get(20, TimeUnit.SECONDS);
        Checks.equal(Workflow.WorkflowStatus.FAILED, ended.getStatus(), "status");
        Checks.that(ended.getReasonForIncompletion().contains("not today"), ended.getReasonForIncompletion());
        Checks.equal(1, ended.getTasks().size(), "number of tasks");
    }

    private static void http(Clients clients) throws Exception {
        Workflow ended = execute(builder(clients, "java_built_http")
                .add(new Http("call").url(clients.url.replace("/api", "/health")).method(Http.Input.HttpMethod.GET))
                .output("code", "${call.output.response.statusCode}").build());
        Checks.equal(Map.of("code", 200), ended.getOutput(), "output");
    }

    private static void readBack(Clients clients) {
        WorkflowDef def = clients.metadata.getWorkflowDef("java_built_switch", 1);
        ConductorWorkflow<Map<String, Object>> workflow = ConductorWorkflow.fromWorkflowDef(def);
        Checks.equal("java_built_switch", workflow.getName(), "name");
        List<String> references = workflow.toWorkflowDef().collectTasks().stream()
                .map(each -> each.getTaskReferenceName()).sorted().toList();
        Checks.equal(List.of("big", "by_script", "by_value", "other", "seven", "small"), references, "references");
    }

    private static void failed(Clients clients) throws Exception {
        ConductorWorkflow<Map<String, Object>> workflow = builder(clients, "java_built_failed")
                .add(add("one", "${workflow.input.missing}", 1)).build();
        Checks.that(workflow.registerWorkflow(true, true), "the workflow is registered");
        Workflow ended = workflow.execute(Map.of()).get(20, TimeUnit.SECONDS);
        Checks.equal(Workflow.WorkflowStatus.FAILED, ended.getStatus(), "status");
        Checks.that(ended.getReasonForIncompletion() != null, "it has a reason");
    }

    private static void testRunner(Clients clients) throws Exception {
        WorkflowTestRunner runner = new WorkflowTestRunner(clients.url);
        WorkflowExecutor executor = runner.getWorkflowExecutor();
        try {
            Workflow ended = executor.executeWorkflow("java_built_plain", 1, Map.of("n", 1)).get(20, TimeUnit.SECONDS);
            Checks.equal(Map.of("total", 12), ended.getOutput(), "output");
        } finally {
            executor.shutdown(); // the runner's own shutdown is for a server that it started
        }
    }
}

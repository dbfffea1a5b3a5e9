import com.netflix.conductor.client.automator.TaskRunnerConfigurer;
import com.netflix.conductor.client.events.taskrunner.TaskExecutionCompleted;
import com.netflix.conductor.client.worker.Worker;
import com.netflix.conductor.common.metadata.tasks.Task;
import com.netflix.conductor.common.metadata.tasks.TaskDef;
import com.netflix.conductor.common.metadata.tasks.TaskExecLog;
import com.netflix.conductor.common.metadata.tasks.TaskResult;
import com.netflix.conductor.common.run.Workflow;
import com.netflix.conductor.sdk.workflow.executor.task.AnnotatedWorkerExecutor;
import com.netflix.conductor.sdk.workflow.executor.task.NonRetryableException;
import com.netflix.conductor.sdk.workflow.executor.task.TaskContext;
import com.netflix.conductor.sdk.workflow.task.InputParam;
import com.netflix.conductor.sdk.workflow.task.OutputParam;
import com.netflix.conductor.sdk.workflow.task.WorkerTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** Workers of the SDK's framework: a runner with plain workers, and one with annotated methods. */
final class WorkerChecks {
    private static final int LONG_TASK_MS = 4_000;

    private WorkerChecks() {}

    static void run(Checks checks, Clients clients) throws IOException {
        checks.run("runner does many tasks", () -> many(clients));
        checks.run("exception of a worker is retried", () -> retried(clients));
        checks.run("terminal failure is not retried", () -> terminal(clients));
        checks.run("lease is extended", () -> lease(clients));
        checks.run("runner polls in a domain", () -> domain(clients));
        checks.run("virtual threads do tasks", () -> virtualThreads(clients));
        checks.run("annotated workers", () -> annotated(clients));
    }

    private static Worker worker(String type, boolean leaseExtended, Function<Task, TaskResult> function) {
        return new Worker() {
            @Override
            public String getTaskDefName() {
                return type;
            }

            @Override
            public TaskResult execute(Task task) {
                return function.apply(task);
            }

            @Override
            public int getPollingInterval() {
                return 10;
            }

            @Override
            public boolean leaseExtendEnabled() {
                return leaseExtended;
            }
        };
    }

    private static TaskResult completed(Task task, Object value) {
        TaskResult result = new TaskResult(task);
        result.setStatus(TaskResult.Status.COMPLETED);
        result.addOutputData("r", value);
        return result;
    }

    private static TaskRunnerConfigurer.Builder runner(Clients clients, Worker... workers) {
        return new TaskRunnerConfigurer.Builder(clients.tasks, List.of(workers)).withThreadCount(10)
                .withShutdownGracePeriodSeconds(1);
    }

    /** Run a check while the runner works. */
    private static void during(TaskRunnerConfigurer.Builder builder, Checks.Body body) throws Exception {
        TaskRunnerConfigurer runner = builder.build();
        runner.init();
        try {
            body.run();
        } finally {
            runner.shutdown();
        }
    }

    private static void many(Clients clients) throws Exception {
        clients.sequence("java_worker_many", 2);
        AtomicInteger done = new AtomicInteger();
        List<String> ids = new ArrayList<>();
        for (int each = 0; each < 40; each++) {
            ids.add(clients.start("java_worker_many"));
        }
        Worker first = worker("java_worker_many_first", false, task -> completed(task, task.getInputData().get("n")));
        Worker second = worker("java_worker_many_second", false, task -> completed(task, "second"));
        during(runner(clients, first, second)
                .withTaskThreadCount(Map.of("java_worker_many_first", 8, "java_worker_many_second", 8))
                .withListener(TaskExecutionCompleted.class, event -> done.incrementAndGet()), () -> {
            for (String id : ids) {
                clients.expectStatus("COMPLETED", id);
            }
            Checks.eventually(80, done::get, "completed executions that the runner tells");
        });
        Workflow one = clients.workflow(ids.get(0));
        Checks.equal(7, one.getTaskByRefName("first").getOutputData().get("r"), "output of the first task");
        Checks.equal(Map.of("last", "second"), one.getOutput(), "output");
    }

    private static void retried(Clients clients) throws Exception {
        clients.sequence("java_worker_retried", 1);
        TaskDef def = Clients.taskDef("java_worker_retried_first");
        def.setRetryCount(2);
        clients.metadata.updateTaskDef(def);
        String id = clients.start("java_worker_retried");
        Worker worker = worker("java_worker_retried_first", false, task -> {
            if (task.getRetryCount() < 2) {
                throw new IllegalStateException("try " + task.getRetryCount() + " fails");
            }
            return completed(task, "third");
        });
        during(runner(clients, worker), () -> clients.expectStatus("COMPLETED", id));
        List<Task> tries = clients.workflow(id).getTasks();
        Checks.equal(List.of(Task.Status.FAILED, Task.Status.FAILED, Task.Status.COMPLETED),
                tries.stream().map(Task::getStatus).toList(), "tries");
        Checks.that(tries.get(0).getReasonForIncompletion().contains("try 0 fails"), "the reason is the exception's");
    }

    private static void terminal(Clients clients) throws Exception {
        clients.sequence("java_worker_terminal", 1);
        TaskDef def = Clients.taskDef("java_worker_terminal_first");
        def.setRetryCount(5);
        clients.metadata.updateTaskDef(def);
        String id = clients.start("java_worker_terminal");
        Worker worker = worker("java_worker_terminal_first", false, task -> {
            TaskResult result = new TaskResult(task);
            result.setStatus(TaskResult.Status.FAILED_WITH_TERMINAL_ERROR);
            result.setReasonForIncompletion("no card");
            return result;
        });
        during(runner(clients, worker), () -> clients.expectStatus("FAILED", id));
        Checks.equal(1, clients.workflow(id).getTasks().size(), "number of tries");
        Checks.equal(Task.Status.FAILED_WITH_TERMINAL_ERROR, clients.workflow(id).getTasks().get(0).getStatus(),
                "status of the task");
    }

    private static void lease(Clients clients) throws Exception {
        clients.sequence("java_worker_lease", 1);
        TaskDef def = Clients.taskDef("java_worker_lease_first");
        def.setResponseTimeoutSeconds(3); // of less, the SDK rounds the time of the extension up to the timeout itself
        clients.metadata.updateTaskDef(def);
        String id = clients.start("java_worker_lease");
        Worker worker = worker("java_worker_lease_first", true, task -> {
            try {
                Thread.sleep(LONG_TASK_MS);
            } catch (InterruptedException interrupted) {
                throw new IllegalStateException(interrupted);
            }
            return completed(task, "long");
        });
        during(runner(clients, worker), () -> clients.expectStatus("COMPLETED", id));
        Checks.equal(1, clients.workflow(id).getTasks().size(), "number of tries");
    }

    private static void domain(Clients clients) throws Exception {
        clients.sequence("java_worker_domain", 1);
        String id = clients.workflows.startWorkflow(Clients.request("java_worker_domain")
                .withTaskToDomain(Map.of("*", "green")));
        Worker worker = worker("java_worker_domain_first", false, task -> completed(task, task.getDomain()));
        during(runner(clients, worker).withTaskToDomain(Map.of("java_worker_domain_first", "green")),
                () -> clients.expectStatus("COMPLETED", id));
        Checks.equal(Map.of("last", "green"), clients.workflow(id).getOutput(), "output");
    }

    private static void virtualThreads(Clients clients) throws Exception {
        clients.sequence("java_worker_virtual", 1);
        String id = clients.start("java_worker_virtual");
        Worker worker = worker("java_worker_virtual_first", false,
                task -> completed(task, Thread.currentThread().isVirtual()));
        during(runner(clients, worker).withUseVirtualThreads(true), () -> clients.expectStatus("COMPLETED", id));
        Checks.equal("COMPLETED", clients.status(id), "status");
    }

    private static void annotated(Clients clients) throws Exception {
        clients.sequence("java_note", 3);
        TaskDef def = Clients.taskDef("java_note_third");
        def.setRetryCount(5);
        clients.metadata.updateTaskDef(def);
        String id = clients.start("java_note");
        AnnotatedWorkerExecutor executor = new AnnotatedWorkerExecutor(clients.tasks, 10);
        executor.initWorkersFromInstances(List.of(new Notes()));
        try {
            clients.expectStatus("FAILED", id);
        } finally {
            executor.shutdown();
        }
        Workflow ended = clients.workflow(id);
        Checks.equal(14, ended.getTaskByRefName("first").getOutputData().get("doubled"), "output of the first task");
        Task second = ended.getTaskByRefName("second");
        Checks.equal(Map.of("sum", 8, "kind", "small"), second.getOutputData(), "output of the second task");
        Checks.eventually(List.of("noted"), () -> clients.tasks.getTaskLogs(second.getTaskId()).stream()
                .map(TaskExecLog::getLog).toList(), "logs");
        Checks.equal(3, ended.getTasks().size(), "number of tasks, without tries after the last");
        Checks.equal(Task.Status.FAILED_WITH_TERMINAL_ERROR, ended.getTaskByRefName("third").getStatus(), "status");
        Checks.equal("never", ended.getTaskByRefName("third").getReasonForIncompletion(), "reason");
    }

    /** The annotated workers. */
    public static final class Notes {
        /** An answer that becomes the whole output of its task. */
        public record Sum(int sum, String kind) {}

        @WorkerTask(value = "java_note_first", threadCount = 2, pollingInterval = 10)
        public @OutputParam("doubled") int doubled(@InputParam("n") int n) {
            return 2 * n;
        }

        @WorkerTask(value = "java_note_second", pollingInterval = 10)
        public Sum sum(Map<String, Object> input) {
            TaskContext.get().addLog("noted");
            return new Sum((Integer) input.get("n") + 1, "small");
        }

        @WorkerTask(value = "java_note_third", pollingInterval = 10)
        public int refuse(@InputParam("n") int n) {
            throw new NonRetryableException("never");
        }
    }
}

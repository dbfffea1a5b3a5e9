"""The shell that makes time pass around the engine: group commit, hand-out of tasks, timers, messages, the server's
own workers."""

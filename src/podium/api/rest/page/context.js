// Read by user interfaces before they start: which of their parts this server can fill.
window.conductor = {
  ACCESS_MANAGEMENT: false,
  RBAC: false,
  TAG_VISIBILITY: true,
  WORKFLOW_INTROSPECTION: false,
  HUMAN_TASK: false,
  INTEGRATIONS: false,
  SECRETS: true,
  WEBHOOKS: false,
  SERVICE_REGISTRY: false,
  GATEWAY: false,
  SCHEDULER: true,
  SHOW_EVENT_MONITOR: true,
};
window.conductor.CONDUCTOR_INTEGRATIONS_AI_ENABLED = false;

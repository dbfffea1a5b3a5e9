// Lists the operations of /api-docs, each with a form to try it. Text from the server is only ever set as text.
"use strict";

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

// An example of what a schema allows: required fields, or a sample of each when none is required.
const sample = (schema, components, depth = 0) => {
  if (!schema || depth > 4) return null;
  if (schema.$ref) return sample(components[schema.$ref.split("/").pop()], components, depth);
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return sample(schema.anyOf.find((one) => one.type !== "null"), components, depth);
  if (schema.type === "array") return depth > 2 ? [] : [sample(schema.items, components, depth + 1)];
  if (schema.type === "object") {
    const wanted = ["name", "version", "tasks", "taskReferenceName", "type", "input", "workflowInstanceId", "taskId",
      "status", "outputData", "event", "actions", "ownerEmail"];
    const fields = Object.entries(schema.properties || {}).filter(([key]) => wanted.includes(key));
    return Object.fromEntries(fields.map(([key, value]) => [key, sample(value, components, depth + 1)]));
  }
  return { string: "", integer: 0, number: 0, boolean: false }[schema.type] ?? null;
};

const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
};

const request = (method, path, operation, fields, body) => {
  const query = new URLSearchParams();
  for (const [parameter, input] of fields) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "" && parameter.schema.type !== "object") query.append(parameter.name, input.value);
  }
  const options = { method: method.toUpperCase(), headers: {} };
  if (body) {
    options.body = body.value;
    options.headers["Content-Type"] = Object.keys(operation.requestBody.content)[0];
  }
  return [query.size ? `${path}?${query}` : path, options];
};

const form = (method, path, operation, components) => {
  const fields = operation.parameters.map((parameter) => [
    parameter,
    element("input", {
      placeholder: String(parameter.schema.default ?? ""),
      required: parameter.required,
    }),
  ]);
  const made = element("form");
  for (const [parameter, input] of fields) {
    made.append(element("label", {}, `${parameter.name} (${parameter.in}, ${parameter.schema.type})`, input));
  }
  let body = null;
  if (operation.requestBody) {
    const [type, content] = Object.entries(operation.requestBody.content)[0];
    const example = type === "application/json" ? JSON.stringify(sample(content.schema, components), null, 2) : "";
    body = element("textarea", { value: example, spellcheck: false });
    made.append(element("label", {}, `Body (${type})`, body));
  }
  const status = element("p", { className: "note" });
  const answer = element("pre", { hidden: true });
  made.append(element("button", {}, "Send"), status, answer);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [url, options] = request(method, path, operation, fields, body);
    status.textContent = `${options.method} ${url} …`;
    try {
      const response = await fetch(url, options);
      const text = await response.text();
      status.textContent = `${options.method} ${url} → ${response.status}`;
      answer.textContent = pretty(text);
      answer.hidden = text === "";
    } catch (error) {
      status.textContent = String(error);
    }
  });
  return made;
};

const show = (specification) => {
  const groups = new Map();
  for (const [path, methods] of Object.entries(specification.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const row = element("details", {},
        element("summary", {},
          element("span", { className: "method" }, method.toUpperCase()),
          element("code", {}, path), " ",
          element("span", { className: "note" }, operation.summary)));
      row.dataset.text = `${method} ${path} ${operation.summary}`.toLowerCase();
      row.addEventListener("toggle", () => {
        if (row.open && !row.querySelector("form")) {
          row.append(form(method, path, operation, specification.components.schemas));
        }
      });
      const tag = operation.tags[0];
      groups.set(tag, [...(groups.get(tag) || []), row]);
    }
  }
  const calls = document.getElementById("calls");
  calls.replaceChildren();
  for (const [tag, rows] of [...groups].sort()) calls.append(element("section", {}, element("h2", {}, tag), ...rows));
  document.getElementById("find").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    for (const row of calls.querySelectorAll("details")) {
      row.hidden = !words.every((word) => row.dataset.text.includes(word));
    }
    for (const section of calls.children) section.hidden = !section.querySelector("details:not([hidden])");
  });
};

fetch("/api-docs")
  .then((response) => response.json())
  .then(show)
  .catch((error) => { document.getElementById("calls").textContent = String(error); });

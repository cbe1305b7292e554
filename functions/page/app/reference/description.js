/** The document of the API (OpenAPI 3.1): its operations, with every reference followed. */

/** @typedef {Record<string, any>} Json */

/**
 * @typedef {object} Operation
 * @property {string} id
 * @property {string} method
 * @property {string} path
 * @property {string} tag
 * @property {string} summary
 * @property {string} description
 * @property {string[]} security the names of the schemes of which one is needed; "" where none is
 * @property {Json[]} parameters
 * @property {Json} bodies the schema of each type of content
 * @property {Json} responses by status
 */

const METHODS = ["get", "post", "put", "patch", "delete"];

export class Description {
  /** @param {Json} content */
  constructor(content) {
    this.content = content;
  }

  /**
   * Follow a reference, if it is one.
   *
   * @param {Json} found
   * @returns {Json}
   */
  resolved(found) {
    if (typeof found.$ref !== "string") return found;
    const steps = found.$ref.replace("#/", "").split("/");
    const target = steps.reduce((/** @type {Json} */ inner, /** @type {string} */ step) => inner[step], this.content);
    return { ...this.resolved(target), ...Object.fromEntries(Object.entries(found).filter(([name]) => name !== "$ref")) };
  }

  /** @returns {Operation[]} */
  operations() {
    return Object.entries(this.content.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => this.#operation(path, method, item[method], item)),
    );
  }

  /**
   * @param {string} path
   * @param {string} method
   * @param {Json} said
   * @param {Json} item
   * @returns {Operation}
   */
  #operation(path, method, said, item) {
    const parameters = [...(item.parameters ?? []), ...(said.parameters ?? [])].map((one) => this.resolved(one));
    const content = said.requestBody ? this.resolved(said.requestBody).content : {};
    return {
      id: said.operationId,
      method: method.toUpperCase(),
      path,
      tag: said.tags[0],
      summary: said.summary,
      description: said.description ?? "",
      security: (said.security ?? [{}]).map((/** @type {Json} */ one) => Object.keys(one)[0] ?? ""),
      parameters,
      bodies: Object.fromEntries(Object.entries(content).map(([type, body]) => [type, body.schema ?? {}])),
      responses: Object.fromEntries(
        Object.entries(said.responses).map(([status, response]) => [status, this.resolved(response)]),
      ),
    };
  }

  /**
   * Return a value as the schema has it: the example, or what is required.
   *
   * @param {Json} schema
   * @returns {any}
   */
  example(schema) {
    const found = this.resolved(schema);
    const said = found.example ?? found.examples?.[0] ?? found.const ?? found.default ?? found.enum?.[0];
    if (said !== undefined) return said;
    const part = found.allOf?.[0] ?? found.anyOf?.[0] ?? found.oneOf?.[0];
    if (part) return this.example(part);
    const type = Array.isArray(found.type) ? found.type[0] : found.type;
    if (found.properties || type === "object") {
      const required = Object.entries(found.properties ?? {}).filter(([name]) => found.required?.includes(name));
      return Object.fromEntries(required.map(([name, inner]) => [name, this.example(inner)]));
    }
    if (type === "array") return [];
    if (type === "integer" || type === "number") return found.minimum ?? 0;
    return type === "boolean" ? false : "";
  }
}

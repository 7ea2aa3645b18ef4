/** An error that the server, or the way to it, gave. `position` is 1-based, in characters of `sql`. */
export class QueryError extends Error {
  constructor(
    message: string,
    readonly position?: number,
    readonly sql?: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/**
 * What every error of this package is an instance of.
 *
 * @since 0.1.0
 */
export abstract class BackgroundTasksError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

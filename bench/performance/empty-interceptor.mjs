/** A global interceptor that does nothing: what Nest alone needs for one. */
export class EmptyInterceptor {
  intercept(_context, next) {
    return next.handle();
  }
}

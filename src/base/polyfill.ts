// libp2p 3 calls Promise.withResolvers when nodes meet, not when its modules load; Node has it from version 22. Every entry point of
// ours imports this: an application may import libp2p before or after.
if (typeof Promise.withResolvers !== 'function') {
  Object.defineProperty(Promise, 'withResolvers', {
    configurable: true,
    writable: true,
    value: function withResolvers<T>(this: PromiseConstructor): PromiseWithResolvers<T> {
      let resolve!: (value: T | PromiseLike<T>) => void
      let reject!: (reason?: unknown) => void
      const promise = new this<T>((yes, no) => {
        resolve = yes
        reject = no
      })
      return { promise, resolve, reject }
    }
  })
}

export {}

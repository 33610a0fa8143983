import { TopicStore } from '../../../src/mailserver/topic-store.js'

// A node that confirms what its retention deletes at once.
TopicStore.prototype.refuse = () => undefined

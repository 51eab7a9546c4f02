// Reference radix tree: a compact own design used only to show what is reachable on this box.
//  * path-compressed, token-level, page-aligned splits
//  * nodes in a pool (uint32 ids), token+value payload in refcounted chunks => split is O(1), no copy
//  * children: one flat open-addressing table keyed by (parent, hash(first page)) -> node; verified by compare
//  * LRU: one intrusive list of unlocked nodes kept in "descendant older than ancestor" order => tail is a leaf
#pragma once
#include <cstdint>
#include <cstring>
#include <cstdlib>
#include <vector>
#include <immintrin.h>
struct Radix{
  struct Chunk{uint32_t ref;uint32_t n;int32_t*tok;uint32_t*val;};
  struct Node{const int32_t*tok;const uint32_t*val;uint32_t len;uint32_t parent;uint32_t nchild;uint32_t lock;uint32_t prev,next;Chunk*ch;uint64_t key;};
  static constexpr uint32_t NIL=0xffffffffu;
  size_t page;std::vector<Node> N;std::vector<uint32_t> freel;size_t live=0;size_t evictable=0,protectd=0;
  struct Slot{uint64_t key;uint32_t node;uint32_t pad;};std::vector<Slot> H;size_t hm,hn=0;uint32_t head=NIL,tail=NIL;
  explicit Radix(size_t p):page(p),H(1<<16,Slot{0,NIL,0}),hm((1<<16)-1){N.reserve(1<<16);N.push_back(Node{nullptr,nullptr,0,NIL,0,1,NIL,NIL,nullptr,0});}
  static inline uint64_t mum(uint64_t a,uint64_t b){__uint128_t r=(__uint128_t)a*b;return (uint64_t)r^(uint64_t)(r>>64);}
  inline uint64_t hkey(uint32_t parent,const int32_t*t)const{uint64_t h=0x9E3779B97F4A7C15ull^(uint64_t)(parent+1)*0xD6E8FEB86659FD93ull;size_t i=0;
    for(;i+4<=page;i+=4){uint64_t a,b;memcpy(&a,t+i,8);memcpy(&b,t+i+2,8);h=mum(a^h,b^0xA0761D6478BD642Full);}
    for(;i<page;i++)h=mum(h^(uint32_t)t[i],0xE7037ED1A0B428DBull);return h|1;}
  uint32_t find(uint32_t parent,const int32_t*t,uint64_t k)const{for(size_t i=k&hm;H[i].key;i=(i+1)&hm)if(H[i].key==k){uint32_t n=H[i].node;if(N[n].parent==parent&&memcmp(N[n].tok,t,page*4)==0)return n;}return NIL;}
  void hput(uint64_t k,uint32_t n){if((hn+1)*2>H.size()){std::vector<Slot> o;o.swap(H);H.assign(o.size()*2,Slot{0,NIL,0});hm=H.size()-1;for(auto&s:o)if(s.key){size_t i=s.key&hm;while(H[i].key)i=(i+1)&hm;H[i]=s;}}size_t i=k&hm;while(H[i].key)i=(i+1)&hm;H[i]={k,n,0};hn++;}
  size_t hslot(uint64_t k,uint32_t n){size_t i=k&hm;while(!(H[i].key==k&&H[i].node==n))i=(i+1)&hm;return i;}
  void hdel(uint64_t k,uint32_t n){size_t i=hslot(k,n),j=i;for(;;){j=(j+1)&hm;if(!H[j].key)break;size_t home=H[j].key&hm;if(((j-home)&hm)>=((j-i)&hm)){H[i]=H[j];i=j;}}H[i].key=0;hn--;}
  void lrm(uint32_t n){Node&x=N[n];if(x.prev!=NIL)N[x.prev].next=x.next;else head=x.next;if(x.next!=NIL)N[x.next].prev=x.prev;else tail=x.prev;}
  void lfront(uint32_t n){Node&x=N[n];x.prev=NIL;x.next=head;if(head!=NIL)N[head].prev=n;head=n;if(tail==NIL)tail=n;}
  void touch(uint32_t n){for(;n!=0;n=N[n].parent)if(!N[n].lock){if(head!=n){lrm(n);lfront(n);}}}
#ifdef __AVX512F__
  static size_t mism(const int32_t*a,const int32_t*b,size_t n){size_t i=0;for(;i+16<=n;i+=16){__mmask16 m=_mm512_cmpneq_epi32_mask(_mm512_loadu_si512(a+i),_mm512_loadu_si512(b+i));if(m)return i+__builtin_ctz(m);}for(;i<n;i++)if(a[i]!=b[i])return i;return n;}
#else
  // Added here, see README.md: the same walk over AVX2 (or plain) registers.
  static size_t mism(const int32_t*a,const int32_t*b,size_t n){size_t i=0;
#ifdef __AVX2__
    auto eq=[&](size_t j){return _mm256_cmpeq_epi32(_mm256_loadu_si256((const __m256i*)(a+j)),_mm256_loadu_si256((const __m256i*)(b+j)));};
    for(;i+32<=n;i+=32)if(_mm256_movemask_epi8(_mm256_and_si256(_mm256_and_si256(eq(i),eq(i+8)),_mm256_and_si256(eq(i+16),eq(i+24))))!=-1)break;
    for(;i+8<=n;i+=8){unsigned m=~(unsigned)_mm256_movemask_epi8(eq(i));if(m)return i+__builtin_ctz(m)/4;}
#endif
    for(;i<n;i++)if(a[i]!=b[i])return i;return n;}
#endif
  uint32_t alloc(){live++;if(!freel.empty()){uint32_t n=freel.back();freel.pop_back();return n;}N.push_back(Node{});return N.size()-1;}
  uint32_t split(uint32_t n,size_t pl){uint32_t m=alloc();Node&c=N[n];Node&p=N[m];p.tok=c.tok;p.val=c.val;p.len=pl;p.parent=c.parent;p.nchild=1;p.lock=c.lock;p.ch=c.ch;c.ch->ref++;p.key=c.key;
    H[hslot(c.key,n)].node=m; c.tok+=pl;c.val+=pl;c.len-=pl;c.parent=m;c.key=hkey(m,c.tok);hput(c.key,n);
    if(!p.lock){ /* place just ahead of child: same age, ancestor younger */ Node&cc=N[n];p.next=n;p.prev=cc.prev;if(cc.prev!=NIL)N[cc.prev].next=m;else head=m;cc.prev=m;}
    return m;}
  struct R{size_t len;uint32_t node;};
  R walk(const int32_t*k,size_t n){n=n/page*page;uint32_t cur=0;size_t pos=0;while(pos<n){uint32_t c=find(cur,k+pos,hkey(cur,k+pos));if(c==NIL)break;size_t L=std::min<size_t>(N[c].len,n-pos);size_t m=mism(N[c].tok+page,k+pos+page,L-page)+page;m=m/page*page;pos+=m;if(m<N[c].len){cur=split(c,m);break;}cur=c;}return {pos,cur};}
  R match(const int32_t*k,size_t n){R r=walk(k,n);touch(r.node);return r;}
  void gather(uint32_t n,uint32_t*out){size_t end=0;for(uint32_t x=n;x;x=N[x].parent)end+=N[x].len;for(uint32_t x=n;x;x=N[x].parent){end-=N[x].len;memcpy(out+end,N[x].val,N[x].len*4);}}
  size_t insert(const int32_t*k,size_t n,const uint32_t*v){n=n/page*page;R r=walk(k,n);uint32_t cur=r.node;if(r.len<n){uint32_t m=alloc();size_t L=n-r.len;Chunk*c=(Chunk*)malloc(sizeof(Chunk)+L*8);c->ref=1;c->n=L;c->tok=(int32_t*)(c+1);c->val=(uint32_t*)(c->tok+L);memcpy(c->tok,k+r.len,L*4);memcpy(c->val,v+r.len,L*4);
      Node&x=N[m];x.tok=c->tok;x.val=c->val;x.len=L;x.parent=cur;x.nchild=0;x.lock=0;x.ch=c;x.key=hkey(cur,x.tok);N[cur].nchild++;hput(x.key,m);lfront(m);evictable+=L;cur=m;}
    touch(cur);return r.len;}
  void lock(uint32_t n){for(;n;n=N[n].parent)if(N[n].lock++==0){lrm(n);evictable-=N[n].len;protectd+=N[n].len;}}
  void unlock(uint32_t n){for(;n;n=N[n].parent)if(--N[n].lock==0){lfront(n);protectd-=N[n].len;evictable+=N[n].len;}}
  template<class F> size_t evict(size_t want,F f){size_t got=0;while(got<want&&tail!=NIL){uint32_t n=tail;Node&x=N[n];f(x.val,x.len);got+=x.len;evictable-=x.len;lrm(n);hdel(x.key,n);if(x.parent!=NIL)N[x.parent].nchild--;if(--x.ch->ref==0)free(x.ch);freel.push_back(n);live--;}return got;}
  size_t live_nodes()const{return live;}
};

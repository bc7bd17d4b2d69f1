-- The schema that every row of rerun-ops.tsv runs against.
create table t(id int primary key, c int, x int not null default 5, s varchar(20), d varchar(20) default 'q', k int, constraint ck_old check (c>0), constraint uq_old unique (s));
create index ix_old on t(c);
create table r(id int primary key);
create table old(id int);
create table nopk(id int not null, c int, s text, rng int4range);
alter table t add constraint fk_old foreign key (k) references r(id);
create table p(id int primary key, n text);
insert into t(id,c,s) values(1,1,'a');
insert into nopk values(1,1,'a',int4range(1,2));
create table ser(id serial primary key, n text);
create table nokey(n text);
comment on table old is 'orig';
create type mood as enum('a','b');
create table uu(id uuid primary key, n text);
